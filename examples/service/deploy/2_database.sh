#!/bin/sh
# Run once by the image of Postgres, after the roles were made.
set -eu
psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres \
  --set=owner="$OWNER_PASSWORD" --set=service="$SERVICE_PASSWORD" --set=feed="$FEED_PASSWORD" <<'SQL'
alter role wheels_owner password :'owner';
alter role wheels_service password :'service';
alter role wheels_feed password :'feed';
create database wheels owner wheels_owner;
SQL
