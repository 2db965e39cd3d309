# latency: the message must go out now. Short chains, short queues below the server, nothing swapped.

reconnect_window_s = 30         # a short storm, so more arrivals a second
listener_stall_ms = 1000
chain_length = 2
broadcast_share = 50%

tcp_rmem_default_at_most = 128KiB
tcp_rmem_limit_at_least = 1MiB
tcp_rmem_limit_at_most = 16MiB
tcp_wmem_default_at_most = 64KiB
tcp_wmem_limit_at_least = 1MiB
tcp_wmem_limit_at_most = 4MiB
notsent_lowat_at_most = 16KiB   # what waits, waits where the server can still see and drop it

fin_timeout_at_most_s = 30
swappiness_at_most = 1
