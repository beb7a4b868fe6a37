#!/bin/sh
# Writes what docker-compose.yml asks for and nobody should choose into .env beside it: `sh deploy/compose/secrets.sh`.
# What stands there already stays, so that it can be run again after an upgrade. Needs nothing but a shell.
set -eu
umask 077
cd "$(dirname "$0")/../.."

random() { # letters and digits, so that no shell, URL or YAML has to quote them
    head -c 512 /dev/urandom | LC_ALL=C tr -dc 'A-Za-z0-9' | head -c "$1"
}

touch .env
chmod 600 .env
for name in CLICKHOUSE_PASSWORD CLICKHOUSE_READER_PASSWORD GRAFANA_PASSWORD PSEUDONYM_KEY; do
    if grep -q "^$name=." .env; then
        echo "$name: kept"
    else
        echo "$name=$(random 32)" >>.env
        echo "$name: written to .env"
    fi
done
if grep -q '^KAFKA_CLUSTER_ID=.' .env; then
    echo "KAFKA_CLUSTER_ID: kept"
else
    echo "KAFKA_CLUSTER_ID=$(random 22)" >>.env
    echo "KAFKA_CLUSTER_ID: written to .env"
fi
