-- Store the record of an alert that no outbox took: a bounded number of them, or as a dead letter.
-- KEYS: 1 notification, 2 result, 3 history, 4 refused, 5 troubles, 6 callbacks
-- ARGV: 1 (JSON): id, type, status, reason, stamp (stands in texts for the time), notification_prefix, result_prefix,
--         dead_letters_prefix, history_life, dead_letter_life (seconds), dead_letters_max, refused_max,
--         callbacks (JSON; ''), callbacks_lease (microseconds), counters (names of counters.lua),
--         record (JSON, if it is to be a dead letter; else '')
--       2 result (JSON), 3 given (JSON, if it is too long for the record; else '')
-- Returns 1, or 0: this id was admitted or refused in this way before, and nothing is done.
local NOTIFICATION, RESULT, HISTORY, REFUSED, TROUBLES, CALLBACKS = unpack(KEYS)
local args = cjson.decode(ARGV[1])
if redis.call('EXISTS', NOTIFICATION) == 1 then return 0 end
local now = now_us()

local function bury()
  redis.call('HSET', NOTIFICATION, 'refused', 1)
  if ARGV[3] ~= '' then redis.call('HSET', NOTIFICATION, 'given', ARGV[3]) end
  if args.callbacks ~= '' then redis.call('HSET', NOTIFICATION, 'callbacks', args.callbacks) end
  keep_dead_letter(args, TROUBLES, args, now)
  await_callbacks(CALLBACKS, NOTIFICATION, args.id, now, args.callbacks_lease, args.history_life)
end

local function keep_newest()
  add_by_time(REFUSED, now, args.id)
  redis.call('EXPIRE', REFUSED, args.history_life)
  for _, id in ipairs(redis.call('ZRANGE', REFUSED, 0, -args.refused_max - 1)) do
    redis.call('ZREM', REFUSED, id)
    forget_record(args.result_prefix .. id, HISTORY, id)
  end
end

forget_record(RESULT, HISTORY, args.id) -- it may have been refused before, for another reason
redis.call('ZREM', REFUSED, args.id)
local is_dead = args.record ~= ''
store_record(RESULT, ARGV[2], args.stamp, now, is_dead and args.dead_letter_life or args.history_life)
index_record(HISTORY, args.status, args.id, now, args.history_life)
if is_dead then bury() else keep_newest() end
count_ended(args.counters, now, args.type, args.status, args.reason)
return 1
