#!/usr/bin/env bash
# Gives the app's identity the role "Access package assignment manager" in catalogs, where it does not have it yet.
# Usage: catalog-roles.sh PRINCIPAL_ID CATALOG_ID...    (as an Identity Governance Administrator, after `az login`)
set -euo pipefail

role=e2182095-804a-4656-ae11-64734e9b7ae5
url=https://graph.microsoft.com/v1.0/roleManagement/entitlementManagement/roleAssignments
guid='^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'

if [ $# -lt 2 ]; then
  echo "usage: $0 PRINCIPAL_ID CATALOG_ID..." >&2
  exit 64
fi
for id in "$@"; do
  if ! [[ $id =~ $guid ]]; then
    echo "error: $id is no object id; nothing was granted" >&2
    exit 64
  fi
done

principal=$1
shift
for catalog in "$@"; do
  scope=/AccessPackageCatalog/$catalog
  found=$(az rest --method get --url "$url" --url-parameters "\$filter=principalId eq '$principal'" \
    --query "length(value[?roleDefinitionId=='$role' && appScopeId=='$scope'])" --output tsv)
  if [ "$found" != 0 ]; then
    echo "$catalog: there already"
    continue
  fi
  az rest --method post --url "$url" --output none --body \
    "{\"principalId\": \"$principal\", \"roleDefinitionId\": \"$role\", \"appScopeId\": \"$scope\"}"
  echo "$catalog: granted"
done
