-- Which notifications of an outbox no worker has told of so far? They count as told of from now on.
-- KEYS: 1 in_flight
-- ARGV: 1 notification_prefix, 2 '1': those under way are asked for, else those that wait, 3 and on: ids
-- Returns the ids, each with the time before which it is not due (microseconds; '' if there is none).
local UNDER_WAY = ARGV[2] == '1'
local untold = {}
for position = 3, #ARGV do
  local id = ARGV[position]
  local key = ARGV[1] .. id
  local under_way = redis.call('ZSCORE', KEYS[1], id) and true or false
  -- of one that another worker has under way, that one tells
  local is_asked_for = redis.call('HEXISTS', key, 'message') == 1 and under_way == UNDER_WAY
  if is_asked_for and redis.call('HSETNX', key, 'received', 1) == 1 then
    table.insert(untold, id)
    table.insert(untold, redis.call('HGET', key, 'not_before') or '')
  end
end
return untold
