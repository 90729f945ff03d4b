import { type Kysely, sql } from 'kysely';

const valueRules = sql.raw(`
  private.trimmed(text), private.two_decimals(numeric), private.is_amount(numeric), private.is_https_url(text), private.is_image_list(text[]),
  private.normalize_tags(text[]), private.is_tag_list(text[]), private.is_json_object(jsonb),
  private.is_between(jsonb, numeric, numeric), private.is_short_text(jsonb, integer), private.is_location(jsonb),
  private.is_calendar_date(text), private.is_timezone(text)`);

/**
 * Every function of these migrations says `set search_path = pg_catalog, pg_temp`: with an empty path Postgres would look
 * for types in pg_temp first, where anybody may put a `uuid` of their own (manual, CREATE FUNCTION, "Writing SECURITY
 * DEFINER Functions Safely").
 *
 * What a currency, an amount, a tag, a url and a point on the map are: said once, used by the check constraints and
 * triggers of every table. A check constraint runs with the rights of whoever writes, hence the grants. Those of nearly
 * every write are PL/pgSQL, whose plans a connection keeps: SQL functions are planned anew by each statement. Those that
 * call others are SQL, whose names are resolved here: whoever writes may not use the schema.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    -- ISO 4217, list one: the currencies in circulation.
    create domain public.currency_code as text constraint currency_code_check check (value in (
      'AED', 'AFN', 'ALL', 'AMD', 'AOA', 'ARS', 'AUD', 'AWG', 'AZN', 'BAM', 'BBD', 'BDT', 'BGN', 'BHD', 'BIF', 'BMD', 'BND',
      'BOB', 'BRL', 'BSD', 'BTN', 'BWP', 'BYN', 'BZD', 'CAD', 'CDF', 'CHF', 'CLP', 'CNY', 'COP', 'CRC', 'CUP', 'CVE', 'CZK',
      'DJF', 'DKK', 'DOP', 'DZD', 'EGP', 'ERN', 'ETB', 'EUR', 'FJD', 'FKP', 'GBP', 'GEL', 'GHS', 'GIP', 'GMD', 'GNF', 'GTQ',
      'GYD', 'HKD', 'HNL', 'HTG', 'HUF', 'IDR', 'ILS', 'INR', 'IQD', 'IRR', 'ISK', 'JMD', 'JOD', 'JPY', 'KES', 'KGS', 'KHR',
      'KMF', 'KPW', 'KRW', 'KWD', 'KYD', 'KZT', 'LAK', 'LBP', 'LKR', 'LRD', 'LSL', 'LYD', 'MAD', 'MDL', 'MGA', 'MKD', 'MMK',
      'MNT', 'MOP', 'MRU', 'MUR', 'MVR', 'MWK', 'MXN', 'MYR', 'MZN', 'NAD', 'NGN', 'NIO', 'NOK', 'NPR', 'NZD', 'OMR', 'PAB',
      'PEN', 'PGK', 'PHP', 'PKR', 'PLN', 'PYG', 'QAR', 'RON', 'RSD', 'RUB', 'RWF', 'SAR', 'SBD', 'SCR', 'SDG', 'SEK', 'SGD',
      'SHP', 'SLE', 'SOS', 'SRD', 'SSP', 'STN', 'SVC', 'SYP', 'SZL', 'THB', 'TJS', 'TMT', 'TND', 'TOP', 'TRY', 'TTD', 'TWD',
      'TZS', 'UAH', 'UGX', 'USD', 'UYU', 'UZS', 'VED', 'VES', 'VND', 'VUV', 'WST', 'XAF', 'XCD', 'XCG', 'XOF', 'XPF', 'YER',
      'ZAR', 'ZMW', 'ZWG'
    ));

    create function private.trimmed(value text) returns text
      language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
    begin
      return regexp_replace(value, '^[[:space:]]+|[[:space:]]+$', '', 'g');
    end
    $$;

    -- 42.5 becomes 42.50; 10.999 stays as it is, for a check to refuse: a numeric(10,2) column would round it silently.
    create function private.two_decimals(amount numeric) returns numeric
      language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
    begin
      return case when amount = round(amount, 2) then round(amount, 2) else amount end;
    end
    $$;

    create function private.is_amount(amount numeric) returns boolean
      language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
    begin
      return amount > 0 and amount < 100000000 and scale(amount) = 2;
    end
    $$;

    create function private.is_https_url(url text) returns boolean
      language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
    begin
      return url ~ '^https://[^[:space:]]+$' and char_length(url) <= 2048;
    end
    $$;

    create function private.is_image_list(urls text[]) returns boolean
      language sql immutable strict set search_path = pg_catalog, pg_temp
      return coalesce(array_ndims(urls), 1) = 1 and cardinality(urls) <= 20
        and (select coalesce(bool_and(coalesce(private.is_https_url(url), false)), true) from unnest(urls) as url);

    -- Trimmed, in lower case, without repetition, in the order given. What cannot be a list of tags stays as it is.
    create function private.normalize_tags(tags text[]) returns text[]
      language sql immutable strict set search_path = pg_catalog, pg_temp
      return case
        when coalesce(array_ndims(tags), 1) > 1 then tags
        else coalesce((
          select array_agg(tag order by place)
          from (select lower(private.trimmed(item)) as tag, min(ordinality) as place from unnest(tags) with ordinality as given (item) group by 1) as kept
        ), '{}')
      end;

    create function private.is_tag_list(tags text[]) returns boolean
      language sql immutable strict set search_path = pg_catalog, pg_temp
      return coalesce(array_ndims(tags), 1) = 1 and cardinality(tags) <= 20
        and tags = private.normalize_tags(tags)
        and (select coalesce(bool_and(coalesce(char_length(tag) between 1 and 50, false)), true) from unnest(tags) as tag);

    -- The text of jsonb has spaces that a client's JSON has not: the client's limit is half of this.
    create function private.is_json_object(value jsonb) returns boolean
      language plpgsql immutable strict set search_path = pg_catalog, pg_temp as $$
    begin
      return jsonb_typeof(value) = 'object' and octet_length(value::text) <= 32768;
    end
    $$;

    create function private.is_between(value jsonb, low numeric, high numeric) returns boolean
      language sql immutable set search_path = pg_catalog, pg_temp
      return case when jsonb_typeof(value) = 'number' then value::numeric between low and high else false end;

    create function private.is_short_text(value jsonb, longest integer) returns boolean
      language sql immutable set search_path = pg_catalog, pg_temp
      return case
        when jsonb_typeof(value) = 'string' then value #>> '{}' ~ '[^[:space:]]' and char_length(value #>> '{}') <= longest
        else false
      end;

    -- { "lat": -36.85, "lng": 174.76, "name": "Auckland", "exact": true }, the last two optional.
    create function private.is_location(location jsonb) returns boolean
      language sql immutable strict set search_path = pg_catalog, pg_temp
      return case
        when jsonb_typeof(location) <> 'object' then false
        else location - '{lat,lng,name,exact}'::text[] = '{}'
          and private.is_between(location -> 'lat', -90, 90) and private.is_between(location -> 'lng', -180, 180)
          and (not location ? 'name' or private.is_short_text(location -> 'name', 200))
          and (not location ? 'exact' or jsonb_typeof(location -> 'exact') = 'boolean')
      end;

    create function private.is_calendar_date(value text) returns boolean
      language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
    begin
      return value ~ '^\\d{4}-\\d{2}-\\d{2}$' and to_char(value::date, 'YYYY-MM-DD') = value
        and value::date between '1900-01-01' and '2999-12-31';
    exception
      when datetime_field_overflow or invalid_datetime_format then return false;
    end
    $$;

    -- Zone names as IANA writes them. Postgres would also take 'Foo/Bar+5', which no calendar library knows.
    create function private.is_timezone(name text) returns boolean
      language plpgsql stable strict set search_path = pg_catalog, pg_temp as $$
    begin
      -- Most profiles keep the default, and a block that catches errors costs a subtransaction.
      if name = 'UTC' then
        return true;
      end if;
      begin
        perform now() at time zone name;
      exception
        when invalid_parameter_value then return false;
      end;
      return name ~ '^[A-Z][A-Za-z_]*(/[A-Z][A-Za-z_-]*)+$' or name ~ '^Etc/GMT(0|[+]([0-9]|1[0-2])|-([0-9]|1[0-4]))$';
    end
    $$;

    revoke execute on function ${valueRules} from public, anon, authenticated, service_role;
    grant execute on function ${valueRules} to authenticated, service_role;
  `.execute(db);

  await sql`
    create function private.set_updated_at() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
    begin
      new.updated_at := now();
      return new;
    end
    $$;

    -- For rows that several devices edit: a caller compares the version it read (optimistic concurrency).
    create function private.set_updated_at_and_version() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
    begin
      new.updated_at := now();
      new.version := old.version + 1;
      return new;
    end
    $$;

    -- A counted table that is emptied without its row triggers firing would leave the counters standing.
    create function private.refuse_truncate() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
    begin
      raise exception 'TRUNCATE of % is refused: totals are counted from its rows.', tg_table_name
        using errcode = 'feature_not_supported', hint = 'Use DELETE.';
    end
    $$;

    revoke execute on function private.set_updated_at(), private.set_updated_at_and_version(), private.refuse_truncate()
      from public, anon, authenticated, service_role;
  `.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`
    drop function private.refuse_truncate(), private.set_updated_at_and_version(), private.set_updated_at();
    drop function ${valueRules};
    drop domain public.currency_code;
  `.execute(db);
}
