# density: as many mostly idle connections as the memory allows.
# What is small here is small because it is multiplied by the number of connections.

reconnect_window_s = 60         # after a restart everybody is back within a minute
listener_stall_ms = 1000        # a SYN that finds no room is sent again after 1 s: hold what arrives until then
chain_length = 4                # sockets in one chain of the established hash, on average
broadcast_share = 25%           # of the connections are owed a message at one moment; the server paces the rest

# A peer that sends while nobody reads is held to tcp_rmem's default, and all of them together to tcp_mem.
tcp_rmem_default_at_most = 16KiB
tcp_rmem_limit_at_least = 64KiB
tcp_rmem_limit_at_most = 1MiB
tcp_wmem_default_at_most = 16KiB
tcp_wmem_limit_at_least = 64KiB
tcp_wmem_limit_at_most = 1MiB
notsent_lowat_at_most = 16KiB   # what a slow peer has not taken stays in the server's outbox, which is bounded

fin_timeout_at_most_s = 30
swappiness_at_most = 10         # an idle connection's 128 bytes look cold to the kernel, until its ping is due
