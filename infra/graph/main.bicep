// What the tenant grants, apart from what Azure is given: whoever deploys this needs Privileged Role Administrator (or
// AppRoleAssignment.ReadWrite.All and Application.ReadWrite.All). Roles in catalogs have no type in Bicep: see
// catalog-roles.sh. The permissions are those of lifecycle/adapters/graph/permissions.py.
extension microsoftGraphV1

@description('Object id of the app\'s identity (APP_PRINCIPAL_ID)')
param principalId string

@description('The app\'s host name (APP_HOST)')
param host string

@allowed(['directory', 'catalog'])
@description('As LIFECYCLE_PERMISSION; catalog is the strict choice: the app reads the catalogs that it has a role in, and nothing else')
param permission string = 'directory'

var permissions = {
  directory: ['User.Read.All', 'EntitlementManagement.Read.All', 'AccessReview.Read.All']
  catalog: ['User.Read.All', 'AccessReview.Read.All']
}
var uniqueName = 'lifecycle-dashboard-${host}'

resource graph 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: '00000003-0000-0000-c000-000000000000'
}

resource grants 'Microsoft.Graph/appRoleAssignedTo@v1.0' = [for one in permissions[permission]: {
  appRoleId: filter(graph.appRoles, role => role.value == one && contains(role.allowedMemberTypes, 'Application'))[0].id
  principalId: principalId
  resourceId: graph.id
}]

// The registration that people sign in to for the dashboard. It asks Graph for nothing.
resource dashboard 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: uniqueName
  displayName: 'Lifecycle dashboard'
  signInAudience: 'AzureADMyOrg'
  web: {
    redirectUris: ['https://${host}/.auth/login/aad/callback']
    implicitGrantSettings: { enableIdTokenIssuance: true, enableAccessTokenIssuance: false }
  }
  appRoles: [
    {
      id: guid(uniqueName, 'Lifecycle.Reader')
      value: 'Lifecycle.Reader'
      displayName: 'Reader'
      description: 'Sees the dashboard, by ids'
      allowedMemberTypes: ['User']
      isEnabled: true
    }
    {
      id: guid(uniqueName, 'Lifecycle.Names')
      value: 'Lifecycle.Names'
      displayName: 'Names'
      description: 'Sees on the dashboard what HR calls a person'
      allowedMemberTypes: ['User']
      isEnabled: true
    }
  ]
}

// Nobody signs in who was not assigned to a role.
resource enterprise 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: dashboard.appId
  appRoleAssignmentRequired: true
}

resource vouched 'Microsoft.Graph/applications/federatedIdentityCredentials@v1.0' = {
  name: '${dashboard.uniqueName}/app'
  description: 'The app\'s identity in place of a secret'
  audiences: ['api://AzureADTokenExchange']
  issuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
  subject: principalId
}

output DASHBOARD_CLIENT_ID string = dashboard.appId
