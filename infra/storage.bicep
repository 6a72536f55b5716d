// Two accounts without keys: one for the Functions host, where it must own all blobs; one for what Lifecycle knows,
// where nobody owns anything and seals cannot be changed for as long as records are kept.
param hostName string
param stateName string
param location string
param tags object
param isPrivate bool
param retentionDays int

@description('Object ids by who they are; the keys are those of `grants`')
param principals object

var grants = [
  { who: 'app', at: 'host', role: 'blobOwner' }
  { who: 'app', at: 'state', role: 'tableContributor' }
  { who: 'feedRunners', at: 'state', role: 'tableContributor' }
  { who: 'operators', at: 'state', role: 'tableReader' }
  { who: 'auditors', at: 'state', role: 'tableReader' }
  { who: 'app', at: 'seals', role: 'blobContributor' }
  { who: 'operators', at: 'seals', role: 'blobReader' }
  { who: 'auditors', at: 'seals', role: 'blobReader' }
  { who: 'app', at: 'bodies', role: 'blobContributor' }
  { who: 'operators', at: 'bodies', role: 'blobReader' }
]

var roleIds = {
  blobOwner: 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // Storage Blob Data Owner: the host's leases, timers and keys
  blobContributor: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe' // Storage Blob Data Contributor
  blobReader: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1' // Storage Blob Data Reader
  tableContributor: '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // Storage Table Data Contributor
  tableReader: '76199698-9eea-4c19-bc75-cec21354c6b6' // Storage Table Data Reader
}
// Who is named twice is granted once: the same assignment twice is refused. `union` keeps the first of equal ones.
var assignments = union([], flatten(map(grants, one => map(principals[one.who], id => { at: one.at, role: one.role, id: id }))))
var atHost = filter(assignments, one => one.at == 'host')
var atState = filter(assignments, one => one.at == 'state')
var atSeals = filter(assignments, one => one.at == 'seals')
var atBodies = filter(assignments, one => one.at == 'bodies')

var properties = {
  allowSharedKeyAccess: false
  allowBlobPublicAccess: false
  allowCrossTenantReplication: false
  defaultToOAuthAuthentication: true
  minimumTlsVersion: 'TLS1_2'
  supportsHttpsTrafficOnly: true
  publicNetworkAccess: isPrivate ? 'Disabled' : 'Enabled'
  networkAcls: { defaultAction: isPrivate ? 'Deny' : 'Allow', bypass: 'None' }
}

resource host 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: hostName
  location: location
  tags: tags
  sku: { name: 'Standard_ZRS' }
  kind: 'StorageV2'
  properties: properties
}

resource hostBlobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: host
  name: 'default'
}

resource packages 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: hostBlobs
  name: 'packages'
  properties: { publicAccess: 'None' }
}

resource state 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: stateName
  location: location
  tags: tags
  sku: { name: 'Standard_ZRS' }
  kind: 'StorageV2'
  properties: properties
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices@2023-05-01' = {
  parent: state
  name: 'default'
}

resource records 'Microsoft.Storage/storageAccounts/tableServices/tables@2023-05-01' = {
  parent: tables
  name: 'records'
}

resource stateBlobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: state
  name: 'default'
  properties: {
    containerDeleteRetentionPolicy: { enabled: true, days: 30 }
  }
}

resource seals 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: stateBlobs
  name: 'seals'
  properties: { publicAccess: 'None' }
}

// As deployed it can still be shortened by who administers the account. Lock it once the deployment is proved
// (az storage container immutability-policy lock): then nobody can, Microsoft included.
resource immutable 'Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies@2023-05-01' = {
  parent: seals
  name: 'default'
  properties: { immutabilityPeriodSinceCreationInDays: retentionDays, allowProtectedAppendWrites: false }
}

resource bodies 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = {
  parent: stateBlobs
  name: 'bodies'
  properties: { publicAccess: 'None' }
}

// What was set aside and is too large for a message is somebody's payload: it does not stay for ever.
resource tidy 'Microsoft.Storage/storageAccounts/managementPolicies@2023-05-01' = {
  parent: state
  name: 'default'
  properties: {
    policy: {
      rules: [
        {
          name: 'bodies'
          type: 'Lifecycle'
          enabled: true
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['bodies/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: 180 } } }
          }
        }
      ]
    }
  }
}

resource hostRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for one in atHost: {
  name: guid(host.id, one.id, one.role)
  scope: host
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[one.role])
    principalId: one.id
    principalType: contains(principals.app, one.id) ? 'ServicePrincipal' : null // new, so not everywhere known yet
  }
}]

resource stateRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for one in atState: {
  name: guid(state.id, one.id, one.role)
  scope: state
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[one.role])
    principalId: one.id
    principalType: contains(principals.app, one.id) ? 'ServicePrincipal' : null // new, so not everywhere known yet
  }
}]

resource sealsRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for one in atSeals: {
  name: guid(seals.id, one.id, one.role)
  scope: seals
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[one.role])
    principalId: one.id
    principalType: contains(principals.app, one.id) ? 'ServicePrincipal' : null // new, so not everywhere known yet
  }
}]

resource bodiesRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for one in atBodies: {
  name: guid(bodies.id, one.id, one.role)
  scope: bodies
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[one.role])
    principalId: one.id
    principalType: contains(principals.app, one.id) ? 'ServicePrincipal' : null // new, so not everywhere known yet
  }
}]

output hostId string = host.id
output hostName string = host.name
output stateId string = state.id
output packages string = '${host.properties.primaryEndpoints.blob}${packages.name}'
output records string = '${state.properties.primaryEndpoints.table}${records.name}'
output seals string = '${state.properties.primaryEndpoints.blob}${seals.name}'
output bodies string = '${state.properties.primaryEndpoints.blob}${bodies.name}'
