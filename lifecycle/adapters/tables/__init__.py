"""Records in one table of Azure Table Storage: what a deployment uses, where a disk is an instance's own.

`address` knows what may be named, `names` what a key looks like in the table, `answers` what an error means,
`connection` makes one call, `records` the three operations; these three load the SDK, so that it is imported late. See
`docs/decisions/0013-records-in-azure-tables.md`.
"""
