# Things of others, made before the lab comes up.
sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
ip link set lo up
ip link add s1 type veth peer name s1peer
ip addr add 10.9.0.1/24 dev s1
ip link set s1 up
ip route add 10.95.0.0/16 via 10.9.0.2
ip neigh add 10.9.0.3 lladdr 02:00:00:00:00:03 dev s1 nud permanent
ip link add s2 type veth peer name s2peer
ip link set s2 alias others
ip addr add 10.94.0.1/24 dev s2
ip link set s2 up
ip link set s2peer up
ip route add 10.93.0.0/16 via 10.94.0.9
sysctl -qw net.ipv4.conf.s2.rp_filter=1
ip link add s3 type veth peer name s3peer
ip link add sbr type bridge
ip addr add 10.8.0.1/24 dev sbr
ip link set sbr up
ip route add unreachable 10.96.0.0/16
ip route add blackhole 10.97.0.0/16
iptables -A FORWARD -s 192.0.2.1 -j ACCEPT
iptables -A FORWARD -s 192.0.2.2 -m conntrack --ctstate ESTABLISHED -j DROP
