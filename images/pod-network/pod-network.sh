#!/bin/sh
# Pod networking on one node. Pods get addresses out of the node's own pod CIDR through the ptp plugin; the pods of each other node
# are reached by a static route to that node; what leaves the cluster is masqueraded. Runs for ever, follows nodes that come and go.
set -eu

: "${NODE_NAME:?}" "${POD_SUBNET:?}"
conflist=/etc/cni/net.d/10-pod-network.conflist
chain=POD-NETWORK

# Rows of: name, comma-separated pod CIDRs, comma-separated internal addresses.
nodes() {
  /host/kubectl get nodes --output 'go-template={{range .items}}{{.metadata.name}} {{range .spec.podCIDRs}}{{.}},{{end}} {{range .status.addresses}}{{if eq .type "InternalIP"}}{{.address}},{{end}}{{end}}{{"\n"}}{{end}}'
}

is_ipv6() { case $1 in *:*) true ;; *) false ;; esac; }

each() { echo "$1" | tr ',' ' '; }

write_conflist() {
  ranges='' routes=''
  for cidr in $(each "$1"); do
    ranges="$ranges${ranges:+, }[{\"subnet\": \"$cidr\"}]"
    if is_ipv6 "$cidr"; then default=::/0; else default=0.0.0.0/0; fi
    routes="$routes${routes:+, }{\"dst\": \"$default\"}"
  done
  cat >"$conflist.tmp" <<END
{
  "cniVersion": "0.3.1",
  "name": "pod-network",
  "plugins": [
    {
      "type": "ptp",
      "ipMasq": false,
      "ipam": {"type": "host-local", "dataDir": "/run/cni-ipam-state", "routes": [$routes], "ranges": [$ranges]}
    },
    {"type": "portmap", "capabilities": {"portMappings": true}}
  ]
}
END
  # Renamed last: containerd reads whatever lies there.
  mv "$conflist.tmp" "$conflist"
}

masquerade() {
  for subnet in $(each "$POD_SUBNET"); do
    if is_ipv6 "$subnet"; then tables=ip6tables multicast=ff00::/8; else tables=iptables multicast=224.0.0.0/4; fi
    $tables -w -t nat -N $chain 2>/dev/null || continue
    $tables -w -t nat -A $chain -d "$subnet" -j RETURN
    $tables -w -t nat -A $chain -d "$multicast" -j RETURN
    $tables -w -t nat -A $chain -m addrtype --dst-type LOCAL -j RETURN
    $tables -w -t nat -A $chain -j MASQUERADE
    $tables -w -t nat -A POSTROUTING -s "$subnet" -j $chain
  done
}

route_to() {
  for cidr in $(each "$1"); do
    for address in $(each "$2"); do
      if is_ipv6 "$cidr"; then
        if is_ipv6 "$address"; then ip -6 route replace "$cidr" via "$address"; fi
      elif ! is_ipv6 "$address"; then
        ip route replace "$cidr" via "$address"
      fi
    done
  done
}

reconcile() {
  rows=$(nodes) || return 0
  echo "$rows" | while read -r name cidrs addresses; do
    if [ -n "$addresses" ] && [ "$name" != "$NODE_NAME" ]; then route_to "$cidrs" "$addresses"; fi
  done
  own=$(echo "$rows" | awk -v name="$NODE_NAME" '$1 == name && NF == 3 { print $2 }')
  if [ -n "$own" ] && [ "$own" != "$written" ]; then
    write_conflist "$own"
    written=$own
    echo "pods of $NODE_NAME get addresses of $own"
  fi
}

masquerade
while true; do
  # A line for each node at first, then one whenever a node comes, goes or changes: its routes are there at once.
  /host/kubectl get nodes --watch --output name | {
    written=''
    while read -r _; do reconcile; done
  }
  sleep 1
done
