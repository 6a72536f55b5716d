// The function app, its settings, and who gets past its door. lifecycle/settings.py says what each setting means.
param name string
param location string
param tags object
param identityId string
param clientId string
param namespace string
param hostAccount string
param packages string
param records string
param seals string
param bodies string
param insights string
param subnetId string
param permission string
param retentionDays int
param dashboardClientId string
param alwaysReady int

@description('Where the access model lies in the deployed package: model.yaml in the root of the project')
param model string = '/home/site/wwwroot/model.yaml'

var hasDashboard = !empty(dashboardClientId)

// Not here, on purpose: ServiceBus (a connection string), GRAPH_TOKEN, LIFECYCLE_CLOCK_FILE, LIFECYCLE_DASHBOARD_OPEN
// (the sandbox's), WEBSITE_AUTH_ENABLED (the platform's), PYTHON_APPLICATIONINSIGHTS_ENABLE_TELEMETRY (docs/telemetry.md).
var settings = {
  AzureWebJobsStorage__accountName: hostAccount
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: clientId
  ServiceBus__fullyQualifiedNamespace: namespace
  ServiceBus__credential: 'managedidentity'
  ServiceBus__clientId: clientId
  AZURE_CLIENT_ID: clientId
  HR_QUEUE: 'hr'
  PROJECTS_QUEUE: 'projects'
  DECISIONS_QUEUE: 'decisions'
  WORK_QUEUE: 'work'
  SWEEPS_QUEUE: 'sweeps'
  NOTICES_QUEUE: 'notices'
  QUARANTINE_QUEUE: 'quarantine'
  WAKE_SCHEDULE: '0 */5 * * * *'
  DRIFT_SCHEDULE: '0 0 2 * * *'
  SEAL_SCHEDULE: '0 30 3 * * *'
  LIFECYCLE_RECORDS: records
  LIFECYCLE_SEALS: seals
  LIFECYCLE_BODIES: bodies
  LIFECYCLE_MODEL: model
  LIFECYCLE_RETENTION: string(retentionDays)
  LIFECYCLE_PERMISSION: permission
  LIFECYCLE_WRITES_PER_SECOND: '20'
  LIFECYCLE_TELEMETRY: 'azure'
  LIFECYCLE_TRACED_SHARE: '1'
  LIFECYCLE_DASHBOARD_ROLE: 'Lifecycle.Reader'
  LIFECYCLE_NAMES_ROLE: 'Lifecycle.Names'
  APPLICATIONINSIGHTS_CONNECTION_STRING: sink.properties.ConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${clientId};Authorization=AAD'
  APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL: 'true'
  PYTHON_ENABLE_OPENTELEMETRY: 'true'
}

// Sign-in without a secret: the app's identity vouches for the registration (a federated credential, infra/graph).
var signIn = { OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID: clientId }

resource sink 'Microsoft.Insights/components@2020-02-02' existing = {
  name: insights
}

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: 'plan-${name}'
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: { reserved: true }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'app' })
  kind: 'functionapp,linux'
  identity: { type: 'UserAssigned', userAssignedIdentities: { '${identityId}': {} } }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    clientAffinityEnabled: false
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      runtime: { name: 'python', version: '3.13' }
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packages
          authentication: { type: 'UserAssignedIdentity', userAssignedIdentityResourceId: identityId }
        }
      }
      scaleAndConcurrency: {
        instanceMemoryMB: 2048
        maximumInstanceCount: 40
        alwaysReady: alwaysReady == 0 ? [] : map(['hr', 'work'], one => { name: 'function:${one}', instanceCount: alwaysReady })
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
      http20Enabled: true
      // Nothing is served but the dashboard: without it nobody from outside gets as far as the app. Deployments go to
      // the site beside it, with a token of Entra ID.
      ipSecurityRestrictionsDefaultAction: hasDashboard ? 'Allow' : 'Deny'
      scmIpSecurityRestrictionsUseMain: false
      scmIpSecurityRestrictionsDefaultAction: 'Allow'
    }
  }
}

resource appSettings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: union(settings, hasDashboard ? signIn : {})
}

// What is set on the site is set one after the other: App Service may refuse a change while another is under way.
resource noPasswordForFtp 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'ftp'
  properties: { allow: false }
  dependsOn: [appSettings]
}

resource noPasswordForScm 'Microsoft.Web/sites/basicPublishingCredentialsPolicies@2024-04-01' = {
  parent: app
  name: 'scm'
  properties: { allow: false }
  dependsOn: [noPasswordForFtp]
}

resource door 'Microsoft.Web/sites/config@2024-04-01' = if (hasDashboard) {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: true }
    globalValidation: {
      requireAuthentication: true
      unauthenticatedClientAction: 'RedirectToLoginPage'
      redirectToProvider: 'azureactivedirectory'
    }
    httpSettings: { requireHttps: true }
    login: { tokenStore: { enabled: false } }
    identityProviders: {
      azureActiveDirectory: {
        enabled: true
        registration: {
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
          clientId: dashboardClientId
          clientSecretSettingName: 'OVERRIDE_USE_MI_FIC_ASSERTION_CLIENTID'
        }
        validation: { allowedAudiences: [dashboardClientId, 'api://${dashboardClientId}'] }
      }
    }
  }
  dependsOn: [noPasswordForScm]
}

output name string = app.name
output host string = app.properties.defaultHostName
