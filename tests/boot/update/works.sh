#!/bin/sh
case $(cat /etc/fleet) in
3) exit 7 ;;
4) sleep 5; echo 1 >/proc/sys/kernel/sysrq; echo c >/proc/sysrq-trigger ;;
5) sleep 5; echo -1 >/proc/sys/kernel/sched_rt_runtime_us; exec chrt -f 99 sh -c 'while :; do :; done' ;;
esac
exec sleep 100000
