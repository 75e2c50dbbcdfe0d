"""The identity service: log-ins and project lists in the words of Keystone, version 3."""
