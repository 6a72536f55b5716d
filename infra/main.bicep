// Everything of one Lifecycle in a resource group of its own. The tenant's grants (Graph, catalogs, sign-in) are made
// apart, by whoever may: infra/graph. Who may do what is in docs/permissions.md; tests/infra holds both to it.
targetScope = 'subscription'

@minLength(2)
@maxLength(20)
@description('Name of the environment, as in prod: small letters, digits, hyphens. It is part of every name')
param name string

@metadata({ azd: { type: 'location' } })
param location string

@description('Where alerts go')
param alertEmail string

@description('Object ids, separated by commas: who may send what HR says')
param hrSenders string = ''

@description('Object ids, separated by commas: who may send what is said of projects')
param projectSenders string = ''

@description('Object ids, separated by commas: who may send renewals, exceptions, freezes')
param decisionSenders string = ''

@description('Object ids, separated by commas: who takes notices from their queue')
param noticeListeners string = ''

@description('Object ids, separated by commas: who runs `lifecycle feed`, which remembers what it said in the records')
param feedRunners string = ''

@description('Object ids, separated by commas: who looks, replays and releases; a group')
param operators string = ''

@description('Object ids, separated by commas: who verifies seals and reads evidence; a group')
param auditors string = ''

@allowed(['directory', 'catalog'])
@description('LIFECYCLE_PERMISSION; grant the same with infra/graph')
param permission string = 'directory'

@description('Application id of the registration that infra/graph made; without it nobody reaches the dashboard')
param dashboardClientId string = ''

@allowed(['public', 'private'])
@description('private: storage and queues are reached through private endpoints alone; Service Bus is Premium then')
param network string = 'public'

@minValue(90)
@maxValue(99999)
@description('LIFECYCLE_RETENTION, and the days for which no seal can be changed or deleted')
param retentionDays int = 2190

@description('How many instances wait for the first message of `hr` and of `work`; none saves money and costs a cold start')
param alwaysReady int = 1

var token = take(toLower(uniqueString(subscription().id, name, location)), 8)
var suffix = '${name}-${token}'
var tags = { 'azd-env-name': name }
var isPrivate = network == 'private'
var account = take(replace(toLower('${token}${name}'), '-', ''), 18)
var principals = {
  app: [identity.outputs.principalId]
  hrSenders: filter(split(toLower(replace(hrSenders, ' ', '')), ','), id => !empty(id))
  projectSenders: filter(split(toLower(replace(projectSenders, ' ', '')), ','), id => !empty(id))
  decisionSenders: filter(split(toLower(replace(decisionSenders, ' ', '')), ','), id => !empty(id))
  noticeListeners: filter(split(toLower(replace(noticeListeners, ' ', '')), ','), id => !empty(id))
  feedRunners: filter(split(toLower(replace(feedRunners, ' ', '')), ','), id => !empty(id))
  operators: filter(split(toLower(replace(operators, ' ', '')), ','), id => !empty(id))
  auditors: filter(split(toLower(replace(auditors, ' ', '')), ','), id => !empty(id))
}

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: 'rg-lifecycle-${name}'
  location: location
  tags: tags
}

module identity 'identity.bicep' = {
  name: 'identity'
  scope: group
  params: { name: 'id-lifecycle-${suffix}', location: location, tags: tags }
}

module queues 'queues.bicep' = {
  name: 'queues'
  scope: group
  params: {
    name: 'sb-lifecycle-${suffix}'
    location: location
    tags: tags
    isPrivate: isPrivate
    principals: principals
  }
}

module storage 'storage.bicep' = {
  name: 'storage'
  scope: group
  params: {
    hostName: 'sthost${account}'
    stateName: 'stlife${account}'
    location: location
    tags: tags
    isPrivate: isPrivate
    retentionDays: retentionDays
    principals: principals
  }
}

module telemetry 'telemetry.bicep' = {
  name: 'telemetry'
  scope: group
  params: { name: suffix, location: location, tags: tags, principals: principals }
}

module endpoints 'network.bicep' = if (isPrivate) {
  name: 'network'
  scope: group
  params: {
    name: suffix
    location: location
    tags: tags
    hostId: storage.outputs.hostId
    stateId: storage.outputs.stateId
    namespaceId: queues.outputs.id
  }
}

module app 'app.bicep' = {
  name: 'app'
  scope: group
  params: {
    name: 'func-lifecycle-${suffix}'
    location: location
    tags: tags
    identityId: identity.outputs.id
    clientId: identity.outputs.clientId
    namespace: queues.outputs.host
    hostAccount: storage.outputs.hostName
    packages: storage.outputs.packages
    records: storage.outputs.records
    seals: storage.outputs.seals
    bodies: storage.outputs.bodies
    insights: telemetry.outputs.insightsName
    subnetId: isPrivate ? endpoints!.outputs.appSubnetId : ''
    permission: permission
    retentionDays: retentionDays
    dashboardClientId: dashboardClientId
    alwaysReady: alwaysReady
  }
}

module alerts 'alerts.bicep' = {
  name: 'alerts'
  scope: group
  params: {
    name: suffix
    location: location
    tags: tags
    email: alertEmail
    namespaceId: queues.outputs.id
    workspaceId: telemetry.outputs.workspaceId
  }
}

output AZURE_RESOURCE_GROUP string = group.name
output AZURE_TENANT_ID string = tenant().tenantId
output APP_NAME string = app.outputs.name
output APP_HOST string = app.outputs.host
output APP_PRINCIPAL_ID string = identity.outputs.principalId
output SERVICE_BUS_NAMESPACE string = queues.outputs.host
output LIFECYCLE_RECORDS string = storage.outputs.records
output LIFECYCLE_SEALS string = storage.outputs.seals
output LIFECYCLE_BODIES string = storage.outputs.bodies
