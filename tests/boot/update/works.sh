#!/bin/sh
case $(cat /etc/fleet) in
3) exit 7 ;;
4 | 5) ;; # `drive` ends these; until then they are on trial
*) : >/run/works ;;
esac
exec sleep 100000
