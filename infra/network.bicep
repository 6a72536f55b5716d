// The private way: the app in a subnet, storage and queues behind endpoints in another. Telemetry stays on Azure
// Monitor's public addresses, which take nothing without a token.
param name string
param location string
param tags object
param hostId string
param stateId string
param namespaceId string

var zones = [
  'privatelink.blob.${environment().suffixes.storage}'
  'privatelink.table.${environment().suffixes.storage}'
  'privatelink.servicebus.windows.net'
]
var endpoints = [
  { name: 'host-blob', to: hostId, group: 'blob', zone: 0 }
  { name: 'state-blob', to: stateId, group: 'blob', zone: 0 }
  { name: 'state-table', to: stateId, group: 'table', zone: 1 }
  { name: 'queues', to: namespaceId, group: 'namespace', zone: 2 }
]

resource network 'Microsoft.Network/virtualNetworks@2024-01-01' = {
  name: 'vnet-lifecycle-${name}'
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: ['10.20.0.0/22'] }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: '10.20.0.0/24'
          delegations: [
            { name: 'flex', properties: { serviceName: 'Microsoft.App/environments' } }
          ]
        }
      }
      {
        name: 'endpoints'
        properties: { addressPrefix: '10.20.1.0/24', privateEndpointNetworkPolicies: 'Disabled' }
      }
    ]
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2020-06-01' = [for one in zones: {
  name: one
  location: 'global'
  tags: tags
}]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2020-06-01' = [for (one, i) in zones: {
  parent: zone[i]
  name: 'lifecycle'
  location: 'global'
  properties: { registrationEnabled: false, virtualNetwork: { id: network.id } }
}]

resource endpoint 'Microsoft.Network/privateEndpoints@2024-01-01' = [for one in endpoints: {
  name: 'pe-lifecycle-${one.name}-${name}'
  location: location
  tags: tags
  properties: {
    subnet: { id: '${network.id}/subnets/endpoints' }
    privateLinkServiceConnections: [
      { name: one.name, properties: { privateLinkServiceId: one.to, groupIds: [one.group] } }
    ]
  }
}]

resource names 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-01-01' = [for (one, i) in endpoints: {
  parent: endpoint[i]
  name: 'default'
  properties: {
    privateDnsZoneConfigs: [
      { name: one.name, properties: { privateDnsZoneId: zone[one.zone].id } }
    ]
  }
}]

output appSubnetId string = '${network.id}/subnets/app'
