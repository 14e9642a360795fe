-- Make a dead letter of a notification whose hash Redis has dropped while it waited: its text is gone.
-- KEYS: 1 notification, 2 result, 3 history, 4 troubles, 5 callbacks, 6 unannounced, 7 and on: the sets of its outbox
-- ARGV: 1 (JSON): id, type, status, reason, stamp (stands in texts for the time), notification_prefix, result_prefix,
--         dead_letters_prefix, history_life, dead_letter_life (seconds), dead_letters_max, counters (names of
--         counters.lua), record (JSON)
--       2 result (JSON)
-- Returns 1, or 0: it was admitted again, or stored meanwhile, and nothing is done.
local NOTIFICATION, RESULT, HISTORY, TROUBLES, CALLBACKS = unpack(KEYS, 1, 5)
local args = cjson.decode(ARGV[1])
if is_known(NOTIFICATION) then return 0 end
for set = 7, #KEYS do redis.call('ZREM', KEYS[set], args.id) end
if redis.call('HEXISTS', NOTIFICATION, 'refused') == 1 then return 0 end
local now = now_us()
redis.call('DEL', NOTIFICATION) -- what is left of it
redis.call('ZREM', CALLBACKS, args.id)
redis.call('HSET', NOTIFICATION, 'refused', 1) -- as no outbox has it: if its id comes again, it is admitted
keep_dead_letter(args, TROUBLES, args, now)
store_record(RESULT, ARGV[2], args.stamp, now, args.dead_letter_life)
index_record(HISTORY, args.status, args.id, now, args.history_life)
await_announcement(KEYS[6], args.id, now)
count_ended(args.counters, now, args.type, args.status, args.reason)
return 1
