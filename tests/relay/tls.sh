#!/bin/sh
# SPDX-License-Identifier: MIT
# Encrypted, with client certificates in place of passwords, and with no more permissions than shmemq-nats(1) says that
# each relay needs: messages are carried, also after the server was killed. What a permission is missing for ends with
# 69, and so does a connection to a server that is not the one named, or that does not know the client.
if ! command -v openssl >/dev/null; then
	echo 'tls.sh: skipped: openssl is not installed'
	exit 77
fi
# shellcheck source=tests/relay/lib.sh
. "${srcdir:-.}/tests/relay/lib.sh"

# An authority, and a certificate of it.
authority() # NAME
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
		-keyout "$temp/$1.key" -out "$temp/$1.pem" 2>"$temp/openssl" || fail "openssl: $(cat "$temp/openssl")"
}
certificate() # NAME AUTHORITY EXTENSION
{
	printf '%s\n' "$3" >"$temp/$1.ext"
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$temp/$1.key" \
		-out "$temp/$1.csr" 2>"$temp/openssl" &&
		openssl x509 -req -in "$temp/$1.csr" -CA "$temp/$2.pem" -CAkey "$temp/$2.key" -CAcreateserial -days 2 \
			-extfile "$temp/$1.ext" -out "$temp/$1.pem" 2>"$temp/openssl"
	[ -s "$temp/$1.pem" ] || fail "openssl: $(cat "$temp/openssl")"
}
authority ours
authority theirs
certificate server ours 'subjectAltName = IP:127.0.0.1'
certificate elsewhere ours 'subjectAltName = DNS:elsewhere.example'
for user in owner exporter importer; do
	certificate $user ours 'extendedKeyUsage = clientAuth'
done
certificate stranger theirs 'extendedKeyUsage = clientAuth'

# What shmemq-nats(1) says that a relay may publish to, of another stream, as a list of the server's.
permissions() # COMMAND STREAM
{
	sed -n "s/^$1 *\([^ ]*\)orders\(.*\)/\"\1$2\2\"/p" "$srcdir/man/shmemq-nats.1" | paste -s -d , -
}
settings() # SERVER-CERTIFICATE
{
	server_settings="
		tls {
			cert_file: \"$temp/$1.pem\"
			key_file: \"$temp/$1.key\"
			ca_file: \"$temp/ours.pem\"
			verify_and_map: true
		}
		authorization { users: [
			{ user: \"CN=owner\" }
			{ user: \"CN=exporter\", permissions: {
				publish: [$(permissions export s)], subscribe: [\"_EXPORTER.>\"] } }
			{ user: \"CN=importer\", permissions: {
				publish: [$(permissions import s)], subscribe: [\"_IMPORTER.>\"] } }
		] }"
}
as() # USER [AUTHORITY]
{
	echo "--tls-ca $temp/${2:-ours}.pem --tls-cert $temp/$1.pem --tls-key $temp/$1.key"
}

settings server
# shellcheck disable=SC2046 # lists of words
{
	set_up s $(as owner)
	relay create t $(as owner) || fail create
}
here="--server tls://127.0.0.1:$port"

exporter_starts()
{
	# shellcheck disable=SC2046 # a list of words
	export_from $(as exporter) --inbox _EXPORTER --metrics "$temp/export.prom" "$a" s
}
importer_starts()
{
	# shellcheck disable=SC2046 # a list of words
	import_to $(as importer) --inbox _IMPORTER --metrics "$temp/import.prom" "$b" s
}
exporter_starts
importer_starts
push "$a" 1 3000 0-3000 &
pop "$b" 1 3000 0-3000
wait $!
stop_server KILL
push "$a" 3001 50 0-3000
start_server
pop "$b" 3001 50 0-3000
kill -KILL "$exporter" "$importer"
wait "$exporter" "$importer" 2>/dev/null
exporter_starts
importer_starts
push "$a" 3051 3000 0-3000 &
pop "$b" 3051 3000 0-3000
wait $!
kill -TERM "$exporter" "$importer"
ends "$exporter" 0 export
ends "$importer" 0 import
# Nothing was asked for that was not allowed, but the stream's state, without which an importer does.
grep -i 'permission' "$temp/export.log" && fail 'the exporter wants more'
grep -i 'permission' "$temp/import.log" | grep -v 'STREAM.INFO' && fail 'the importer wants more'

# shellcheck disable=SC2046,SC2086 # lists of words
{
	relay_ends 69 'ermission.*STREAM.INFO' export $here $(as exporter) --inbox _EXPORTER "$a" t
	relay_ends 69 'ermission.*CONSUMER' import $here $(as importer) --inbox _IMPORTER "$b" t
	relay_ends 69 'ermission.*CONSUMER' import $here $(as exporter) --inbox _EXPORTER "$b" s
	relay_ends 69 'ermission.*_IMPORTER' export $here $(as exporter) --inbox _IMPORTER "$a" s
	relay_ends 69 'cannot create the stream: [^ ]' create $here $(as exporter) --inbox _EXPORTER new
	# Who is it?
	relay_ends 69 'no connection' status $here $(as stranger) s
	relay_ends 69 'no connection' status $here --tls-ca "$temp/ours.pem" s
	relay_ends 69 'no connection.*issuer' status $here $(as owner theirs) s
	relay_ends 0 '' status $here $(as owner) s
}
# A thread that is still there when the process ends may use what OpenSSL frees then, and crash.
if strace -o "$temp/trace" true 2>"$temp/err"; then
	# shellcheck disable=SC2046,SC2086 # lists of words
	ASAN_OPTIONS=detect_leaks=0 strace -f -e trace=clone,clone3,exit,exit_group -o "$temp/trace" \
		"$SHMEMQ_NATS" status $here $(as owner) s >"$temp/out" 2>"$temp/err" ||
		fail "status under strace: $(cat "$temp/err")"
	sed -n '/exit_group/q; p' "$temp/trace" >"$temp/threads"
	begun=$(grep -c -e ' clone(' -e ' clone3(' "$temp/threads")
	[ "$begun" -gt 0 ] || fail "no thread was traced: $(cat "$temp/trace")"
	ended=$(grep -c ' exit(' "$temp/threads")
	[ "$ended" -eq "$begun" ] || fail "$ended of $begun threads have ended before the process"
else
	echo 'tls.sh: strace cannot trace here: threads are not counted'
fi
stop_server TERM
settings elsewhere
start_server
# shellcheck disable=SC2046,SC2086 # lists of words
relay_ends 69 'no connection.*mismatch' status $here $(as owner) s
verdict
