#!/bin/sh
# Starts the mock in a container. The control API answers other containers only with its token, so there is always one:
# FLOWISE_MOCK_CONTROL_TOKEN, or one that is made for this run and printed.
set -eu
if [ "${1-}" = pytest ]; then
  exec "$@"
fi
if [ -z "${FLOWISE_MOCK_CONTROL_TOKEN-}" ]; then
  FLOWISE_MOCK_CONTROL_TOKEN=$(python3 -c 'import secrets; print(secrets.token_urlsafe(24))')
  export FLOWISE_MOCK_CONTROL_TOKEN
  echo "control token for this run: $FLOWISE_MOCK_CONTROL_TOKEN (set FLOWISE_MOCK_CONTROL_TOKEN to choose it)"
fi
exec flowise-mock serve "$@"
