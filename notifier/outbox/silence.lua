-- Store the record of an alert that a silence matches, and count it there: once per id.
-- KEYS: 1 notification, 2 result, 3 history, 4 silences, 5 silenced (sorted set: ids of such alerts, by time),
--       6 refused, 7 callbacks, 8 dead_letters
-- ARGV: 1 (JSON): id, type, title (as it is counted), stamp (stands in the result for the time, and with 'silence-'
--         before it for the id of the silence), callbacks (JSON; ''), life (seconds), kept_max, titles_max,
--         notification_prefix, result_prefix, counts_prefix (of the hash that counts for one silence),
--         counters (names of counters.lua)
--       2 message (JSON), 3 result (JSON)
-- Returns 'silenced', 'known' (this id was admitted or counted before), or 'over' (none matches any more: admit it).
local args = cjson.decode(ARGV[1])
if is_admitted(KEYS[1], KEYS[8], args.id) then return 'known' end
local now = now_us()
local silence = silenced_by(KEYS[4], args.type, ARGV[2], now)
if not silence then return 'over' end
local counts, field = args.counts_prefix .. silence, 'title:' .. args.title
if redis.call('HEXISTS', counts, field) == 0 and redis.call('HLEN', counts) > args.titles_max then field = 'others' end
redis.call('HINCRBY', counts, field, 1)
redis.call('HINCRBY', counts, 'count', 1)
redis.call('PEXPIRE', counts, LIFE_MS)
end_counted({ notification = KEYS[1], result = KEYS[2], history = KEYS[3], counted = KEYS[5], refused = KEYS[6],
  callbacks = KEYS[7] }, { id = args.id, result = (string.gsub(ARGV[3], 'silence%-' .. args.stamp, silence)),
  stamp = args.stamp, status = 'silenced', life = args.life, kept_max = args.kept_max, callbacks = args.callbacks,
  notification_prefix = args.notification_prefix, result_prefix = args.result_prefix, type = args.type,
  counters = args.counters }, now)
return 'silenced'
