// Where traces, measures and the log go. Nobody sends by key: the app's identity publishes.
param name string
param location string
param tags object

@description('Object ids by who they are; the keys are those of `grants`')
param principals object

var grants = [
  { who: 'app', at: 'insights', role: 'publisher' }
]

var roleIds = {
  publisher: '3913510d-42f4-4e42-8a64-420c390055eb' // Monitoring Metrics Publisher
}
// Who is named twice is granted once: the same assignment twice is refused. `union` keeps the first of equal ones.
var assignments = union([], flatten(map(grants, one => map(principals[one.who], id => { role: one.role, id: id }))))

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: 'log-lifecycle-${name}'
  location: location
  tags: tags
  properties: {
    retentionInDays: 90
    sku: { name: 'PerGB2018' }
    features: { disableLocalAuth: true }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: 'appi-lifecycle-${name}'
  location: location
  tags: tags
  kind: 'web'
  properties: { Application_Type: 'web', WorkspaceResourceId: workspace.id, DisableLocalAuth: true }
}

resource role 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for one in assignments: {
  name: guid(insights.id, one.id, one.role)
  scope: insights
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', roleIds[one.role])
    principalId: one.id
    principalType: contains(principals.app, one.id) ? 'ServicePrincipal' : null // new, so not everywhere known yet
  }
}]

output insightsName string = insights.name
output workspaceId string = workspace.id
