"""The contract with whoever sends us messages: CloudEvents, their payloads, the published JSON Schemas.

Pure translation between bytes and values, so that every verb may use it; it reads no queue and no clock.
"""
