# Prints a tar archive with iptables and what goes with it, the libraries that they load, and busybox for a shell.
set -eu
out=$(mktemp -d)
copy() { for f in "$@"; do cp --parents -L "$f" "$out"; done; }
for program in /usr/sbin/xtables-nft-multi /usr/sbin/nft /usr/sbin/conntrack /usr/bin/busybox; do
  copy "$program"
  copy $(ldd "$program" 2>/dev/null | grep -o '/[^ ]*' || true)
done
for module in $(find /usr/lib -path '*/xtables/*.so'); do copy "$module" $(ldd "$module" | grep -o '/[^ ]*'); done
mkdir -p "$out/bin" "$out/usr/sbin" "$out/tmp" "$out/run" "$out/etc"
for name in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
  ln -s xtables-nft-multi "$out/usr/sbin/$name"
done
for name in sh awk cat ip mv sleep tr; do ln -s /usr/bin/busybox "$out/bin/$name"; done
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$out" -cf - .
