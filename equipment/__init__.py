"""The equipment's side: interface, client and simulators. Knows nothing of the MES."""
