-- An alert that ends with its admission, for another message counts it: it has a record, and only the newest of these
-- are kept, so that a flood does not fill Redis.
-- end_counted(keys, args, now)
--   keys: notification, result, history, counted (sorted set: ids of such alerts, by time), refused, callbacks
--   args: id, result (JSON), stamp (stands in it for the time), status, life (seconds), kept_max, callbacks (JSON; ''),
--     notification_prefix, result_prefix, type, counters (names of counters.lua)
local function end_counted(keys, args, now)
  redis.call('HSET', keys.notification, 'finished_at', now, 'status', args.status, 'sequence', 0, 'attempts', 0,
    'admitted_at', now)
  if args.callbacks ~= '' then redis.call('HSET', keys.notification, 'callbacks', args.callbacks) end
  redis.call('EXPIRE', keys.notification, args.life)
  await_callbacks(keys.callbacks, keys.notification, args.id, now, 0, args.life) -- a caller calls none: a sweep does
  forget_record(keys.result, keys.history, args.id) -- it may have been refused before
  redis.call('ZREM', keys.refused, args.id)
  store_record(keys.result, args.result, args.stamp, now, args.life)
  index_record(keys.history, args.status, args.id, now, args.life)
  count_ended(args.counters, now, args.type, args.status)
  add_by_time(keys.counted, now, args.id)
  redis.call('EXPIRE', keys.counted, args.life)
  for _, id in ipairs(redis.call('ZRANGE', keys.counted, 0, -tonumber(args.kept_max) - 1)) do
    redis.call('ZREM', keys.counted, id)
    forget_record(args.result_prefix .. id, keys.history, id)
    redis.call('DEL', args.notification_prefix .. id)
  end
end
