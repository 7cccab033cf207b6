# What nspawn-test.sh has done within the container, by root. Prints a line for each thing that is so or is not.

# Anything that should take a moment has this long, seconds.
PATIENCE=60
OBJECT=293854
export DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin
cd /test
passed=0 failed=0

# is WHAT COMMAND...: it succeeds.
is() {
    local what=$1
    shift
    if "$@" >last 2>&1; then
        passed=$((passed + 1))
        echo "ok      $what"
    else
        failed=$((failed + 1))
        echo "FAILED  $what"
        sed 's/^/        | /' last | tail -n 20
    fi
}
# is_not WHAT COMMAND...: it fails.
is_not() {
    local what=$1
    shift
    is "$what" not "$@"
}
not() { ! "$@"; }
# says TEXT COMMAND...: what it prints has the text in it.
says() {
    local text=$1 said
    shift
    said=$("$@" 2>&1)
    echo "$said"
    grep -qF -- "$text" <<<"$said"
}
# ends STATUS COMMAND...
ends() {
    local status=$1
    shift
    "$@"
    local got=$?
    echo "ended with $got"
    [ $got = "$status" ]
}
# soon COMMAND...: it succeeds before patience ends.
soon() {
    local deadline=$((SECONDS + PATIENCE))
    until "$@" >soon 2>&1; do
        [ $SECONDS -lt $deadline ] || { cat soon; return 1; }
        sleep 0.2
    done
}
title() { printf '\n%s\n' "$*"; }

property() { systemctl show -P "$1" commwatch.service; }
has() { [ "$(property "$1")" = "$2" ] || { echo "$1 is $(property "$1")"; return 1; }; }
active() { has ActiveState active; }
mode() { [ "$(stat -c '%a %U:%G' "$2")" = "$1" ] || { stat "$2"; return 1; }; }
fresh() { commwatch status | grep -q 'VIPs\? .*fresh'; }
sim() { curl -fsS "http://127.0.0.1:7070/_sim/$1" -d "$2" >/dev/null; }
says_something() { sim say "{\"object\": $OBJECT, \"text\": \"$1\"}"; }
# Each text that the program of the plugin `exec` was handed is a line.
told() { [ "$(grep -cF "\"$1\"" /var/spool/siren/told 2>/dev/null)" = "${2:-1}" ] || { cat /var/spool/siren/told; return 1; }; }
metric() { curl -fsS http://127.0.0.1:9479/metrics | sed -n "s/^$1 //p"; }

systemd-run --quiet --unit=commbox /test/commwatch-simulator --silent --listen 127.0.0.1:7070 --token a-token

title "Install"
is "the package installs" dpkg -i old.deb
is "it is not enabled" says disabled systemctl is-enabled commwatch
is "it is not started" says inactive systemctl is-active commwatch
is "its user has neither home nor shell" says ":/nonexistent:/usr/sbin/nologin" getent passwd commwatch
is "the credentials' folder is root's alone" mode "700 root:root" /etc/commwatch/credentials
is "there is a folder for more configuration" mode "755 root:root" /etc/commwatch/conf.d
is "check refuses the file to start with" ends 78 commwatch check
is "and says what is missing" says "accounts" commwatch check
is_not "started without a configuration, it fails" systemctl start commwatch
is "with the status of an invalid configuration" has ExecMainStatus 78
is "and is not tried again" has NRestarts 0
systemctl reset-failed commwatch
is "the manual is there" test -e /usr/share/man/man1/commwatch.1.gz

title "Configure and start"
(umask 077 && echo a-token >/etc/commwatch/credentials/commbox-token)
cat >/etc/commwatch/commwatch.toml <<'TOML'
# Changed by the administrator.
[accounts.main]
base_url = "http://127.0.0.1:7070"
token = { credential = "commbox-token" }
rate = "20/s"
[notifiers.siren]
plugin = "exec"
content = "full"
group = { wait = "0s", interval = "0s", max = 1 }
[notifiers.siren.config]
program = "/usr/local/bin/siren"
[notifiers.log]
plugin = "log"
[[route]]
notify = ["siren", "log"]
[operators]
notify = ["siren", "log"]
[reload]
on_change = false
TOML
cat >/etc/commwatch/conf.d/vips.toml <<TOML
watch = [
  { name = "acme-cfo", priority = "vip", stream = 532, object = $OBJECT, interval = "1s" },
  { name = "gil", stream = 41212, object = 70012010 },
]
TOML
cat >/usr/local/bin/siren <<'SH'
#!/bin/sh
# The text of each message it is handed: the last, the event's own.
grep -o '"text":"[^"]*"' | tail -n 1 | sed 's/"text"://' >>/var/spool/siren/told
SH
chmod 755 /usr/local/bin/siren
install -d -o commwatch -g commwatch /var/spool/siren
is "check is content" ends 0 commwatch check
plugins() {
    local listed
    listed=$(commwatch plugins list)
    echo "$listed"
    [ "$(grep -c '/usr/lib/commwatch/plugins/libcommwatch_.*\.so' <<<"$listed")" = "$(ls /usr/lib/commwatch/plugins | wc -l)" ]
}
is "the plugins are found where the package put them" plugins
is "it is enabled and starts" systemctl enable --now commwatch
is "it is active once it says that it is ready" active
is "by Type=notify" has Type notify
is "it says how it goes to systemctl status" soon says "Status:" systemctl status commwatch
is "the VIP is fresh" soon fresh
is "the state is its user's alone" mode "700 commwatch:commwatch" /var/lib/commwatch
is "the database too" mode "600 commwatch:commwatch" /var/lib/commwatch/commwatch.db
is "the socket is its group's as well" mode "660 commwatch:commwatch" /run/commwatch/admin.sock
useradd noa && usermod -aG commwatch noa && useradd stranger
is "who is in the group may ask" runuser -u noa -- commwatch status
is_not "nobody else may" runuser -u stranger -- commwatch status
silences() { runuser -u noa -- commwatch silence add --watch gil --for 1m --reason "a try"; }
is_not "and may change nothing" silences
groupadd oncall && usermod -aG oncall noa
printf '[admin]\nwrite_group = "oncall"\n' >/etc/commwatch/conf.d/rights.toml
is "a group that may change things is taken up" systemctl reload commwatch
is "who is in it may" silences
is "the process's start is known in the sandbox" test "$(metric process_start_time_seconds | cut -d . -f 1)" -gt 1000000000
is "and so is its memory" test "$(metric process_resident_memory_bytes | cut -d . -f 1)" -gt 1000000
systemd-analyze --no-pager security commwatch | tail -n 1 | sed 's/^/        /'
is "it is as closed as it is meant to be" systemd-analyze security --threshold=15 commwatch

title "The sandbox and its drop-ins"
says_something "nobody may write"
is "without the drop-in the program cannot write" soon says "Read-only file system" commwatch deliveries --dead
install -D -m 644 exec-program.conf /etc/systemd/system/commwatch.service.d/exec-program.conf
systemctl daemon-reload
is "the drop-in is taken" systemctl restart commwatch
says_something "with the drop-in"
is "with it the program can" soon told "with the drop-in"
commwatch dead drop --all >/dev/null

title "The journal"
is "lines are for people" soon says "commwatch is ready" journalctl -q -u commwatch -o cat
fields() { journalctl -q -u commwatch -o json COMMWATCH_NOTIFIER=siren | grep -F COMMWATCH_MODULE; }
is "and have fields to choose them by" soon fields
is "levels are the journal's" says PRIORITY=4 journalctl -q -u commwatch -p warning -o verbose
journalctl -q -u commwatch -o cat | tail -n 3 | sed 's/^/        /'

title "Reload"
pid=$(property MainPID)
cat >/etc/commwatch/conf.d/more.toml <<'TOML'
watch = [ { name = "ruth", stream = 41211, object = 2251799813689310, interval = "5s" } ]
TOML
is "a good configuration is taken" systemctl reload commwatch
is "and in use when the command ends" says ruth commwatch watches
is "the unit is not left reloading" active
echo 'watch = [ { nmae = "ruth" } ]' >/etc/commwatch/conf.d/more.toml
is_not "a bad one makes systemctl reload fail" systemctl reload commwatch
is "the reason stands in the journal, with file and line" says "more.toml:1:" journalctl -q -u commwatch -o cat
is "the one in use stays" says ruth commwatch watches
is "by the same process" has MainPID "$pid"
is "which is active" active
mv /etc/commwatch/conf.d/vips.toml . && rm /etc/commwatch/conf.d/more.toml
is_not "one that takes the VIP away is held" systemctl reload commwatch
is "and says how to have it nevertheless" says -- "--allow-removals" journalctl -q -u commwatch -o cat
mv vips.toml /etc/commwatch/conf.d/
commwatch reload --allow-removals >/dev/null

title "It hangs, it is killed"
mkdir -p /etc/systemd/system/commwatch.service.d
printf '[Service]\nWatchdogSec=5s\n' >/etc/systemd/system/commwatch.service.d/test.conf
systemctl daemon-reload && systemctl restart commwatch
is "the VIP is fresh" soon fresh
restarts=$(property NRestarts)
restarted() { has NRestarts $((restarts + 1)) && active; }
kill -STOP "$(property MainPID)"
says_something "while it hung"
is "stopped in its tracks, it is started anew by the watchdog" soon restarted
is "which says so" says "atchdog timeout" journalctl -q -u commwatch -o cat
is "what was written meanwhile is told once" soon told "while it hung"
rm /etc/systemd/system/commwatch.service.d/test.conf && systemctl daemon-reload
restarts=$(property NRestarts)
kill -KILL "$(property MainPID)"
says_something "while it was dead"
is "killed, it is started anew" soon restarted
is "what was written meanwhile is told once" soon told "while it was dead"
restarts=$(property NRestarts)
pid=$(property MainPID)
pkill -KILL -P "$pid"
says_something "after the plugins were killed"
is "killed plugins are started anew" soon told "after the plugins were killed"
is "and the service goes on" has MainPID "$pid"

title "Upgrade"
commwatch silence add --watch gil --for 1h --reason "kept over the upgrade" >/dev/null
says_something "right before the upgrade"
is "the new package installs over the running one" dpkg --force-confold -i new.deb
is "it runs" soon active
is_not "as another process" has MainPID "$pid"
is "the administrator's file is kept" says "Changed by the administrator" cat /etc/commwatch/commwatch.toml
is "the new one lies beside it" test -e /etc/commwatch/commwatch.toml.dpkg-dist
is "and was changed since the previous version" not grep -q "previous version" /etc/commwatch/commwatch.toml.dpkg-dist
is "the state is kept: the silence" says "kept over the upgrade" commwatch silence list
is "the VIP is fresh" soon fresh
is "what was written right before is told once" soon told "right before the upgrade"
says_something "after the upgrade"
is "and what is written afterwards" soon told "after the upgrade"
is "what was told long before is not told again" told "with the drop-in"
is "it is enabled still" systemctl is-enabled commwatch

title "More drop-ins"
install -d /home/mail/ca && echo a-certificate >/home/mail/ca/ca.pem
drop_in() { cp "$1.conf" /etc/systemd/system/commwatch.service.d/ && systemctl daemon-reload && systemctl restart commwatch; }
is "email-relay is taken" drop_in email-relay
within() { nsenter -t "$(property MainPID)" -m -S "$(id -u commwatch)" -- "$@"; }
is "with it a hidden file can be read" says a-certificate within cat /run/commwatch-ca/ca.pem
is_not "and the rest of that folder cannot" within ls /home/mail
is "private-network is taken" drop_in private-network
is "with it CommBox on this machine is reached" soon fresh
rm /etc/systemd/system/commwatch.service.d/{email-relay,private-network}.conf

title "Encrypted credentials"
install -d -m 700 /etc/commwatch/encrypted
is "a secret is encrypted" systemd-creds encrypt --name=commbox-token /etc/commwatch/credentials/commbox-token /etc/commwatch/encrypted/commbox-token.cred
mv /etc/commwatch/credentials/commbox-token plain-token
grep -v slack-webhook-url encrypted-credentials.conf >/etc/systemd/system/commwatch.service.d/encrypted-credentials.conf
systemctl daemon-reload
is "it starts with it" systemctl restart commwatch
is "and the key is right: the VIP is fresh" soon fresh
rm /etc/systemd/system/commwatch.service.d/encrypted-credentials.conf
mv plain-token /etc/commwatch/credentials/commbox-token
systemctl daemon-reload && systemctl restart commwatch

title "Move to a new server"
is "a backup is made while it runs" soon commwatch backup /var/lib/commwatch/move.db
cp -a /etc/commwatch /var/lib/commwatch/move.db /test/
systemctl stop commwatch
says_something "while it moved"

title "Remove and purge"
is "it is removed" dpkg -r commwatch
is "it is stopped" soon says inactive systemctl is-active commwatch
is "no process of it is left" not pgrep -x commwatch
is "configuration and state are kept" test -e /etc/commwatch/credentials/commbox-token -a -e /var/lib/commwatch/commwatch.db
is "it is purged, and says whose the drop-ins are" says "is yours and is kept" dpkg -P commwatch
is_not "no configuration is left" test -e /etc/commwatch
is_not "no state" test -e /var/lib/commwatch
is_not "no user" getent passwd commwatch
is_not "no group" getent group commwatch
is_not "nothing that enables it" test -L /etc/systemd/system/multi-user.target.wants/commwatch.service
left() { find / -xdev -name '*commwatch*' ! -path '/test/*' ! -path '/proc/*' ! -path '/var/log/*' ! -path '/sys/*' ! -path '/etc/systemd/system/commwatch.service.d'; }
is "nothing at all, but for the administrator's drop-in" test -z "$(left)"
left | sed 's/^/        | /'

title "The new server"
is "the package installs where nothing is" dpkg -i new.deb
usermod -aG commwatch noa
cp -a commwatch/. /etc/commwatch/
chown -R commwatch: /var/spool/siren
is "the backup is put in its place" install -D -o commwatch -g commwatch -m 600 move.db /var/lib/commwatch/commwatch.db
is "it starts" systemctl enable --now commwatch
is "what was written while it moved is told once" soon told "while it moved"
is "what was told before is not told again" told "after the upgrade"
is "the silence has come along" says "kept over the upgrade" commwatch silence list
dpkg -P commwatch >/dev/null 2>&1

journalctl -q -o short-precise >/test/journal
printf '\ndone: %d ok, %d FAILED\n' $passed $failed
