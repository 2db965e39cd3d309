# balanced: many connections that also move data. Near the kernel's own defaults, bounds where they have none.

reconnect_window_s = 60
listener_stall_ms = 1000
chain_length = 4
broadcast_share = 25%

tcp_rmem_default_at_most = 128KiB
tcp_rmem_limit_at_least = 1MiB
tcp_rmem_limit_at_most = 32MiB
tcp_wmem_default_at_most = 64KiB
tcp_wmem_limit_at_least = 1MiB
tcp_wmem_limit_at_most = 16MiB
notsent_lowat_at_most = 128KiB

fin_timeout_at_most_s = 60
swappiness_at_most = 30
