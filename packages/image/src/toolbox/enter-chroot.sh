#!/bin/sh
# Enters the toolbox where bubblewrap cannot: called by root inside a mount and PID namespace of its own.
# usage: enter-chroot.sh ROOT [ro|rw SOURCE TARGET]... -- COMMAND...
set -eu

root=$1
shift
mount --make-rprivate /
view=$root/.view
mkdir -p "$view"
mount -t tmpfs -o mode=0755 tmpfs "$view"
for name in usr etc; do
  mkdir "$view/$name"
  mount --bind "$root/$name" "$view/$name"
  mount -o remount,bind,ro "$view/$name"
done
for name in bin sbin lib lib64; do
  [ ! -L "$root/$name" ] || cp -P "$root/$name" "$view/$name"
done
mkdir -p "$view/proc" "$view/dev" "$view/tmp" "$view/run" "$view/var/tmp"
mount -t proc proc "$view/proc"
mount -t tmpfs -o mode=1777 tmpfs "$view/tmp"
mount -t tmpfs -o mode=0755 tmpfs "$view/run"
for name in null zero full random urandom; do
  : >"$view/dev/$name"
  mount --bind "/dev/$name" "$view/dev/$name"
done
ln -s /proc/self/fd "$view/dev/fd"
ln -s /proc/self/fd/0 "$view/dev/stdin"
ln -s /proc/self/fd/1 "$view/dev/stdout"
ln -s /proc/self/fd/2 "$view/dev/stderr"

while [ "$1" != -- ]; do
  access=$1 source=$2 target=$view$3
  shift 3
  if [ -d "$source" ]; then
    mkdir -p "$target"
  else
    mkdir -p "${target%/*}"
    : >"$target"
  fi
  mount --bind "$source" "$target"
  [ "$access" = rw ] || mount -o remount,bind,ro "$target"
done
shift
mount -o remount,ro "$view"
exec chroot "$view" "$@"
