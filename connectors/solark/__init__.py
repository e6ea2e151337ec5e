"""SolArk cloud: live flow, history by day, settings (read only). The interface is undocumented by the vendor."""
