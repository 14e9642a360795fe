-- Which notifications of a type no worker has told of so far? They count as told of from now on.
-- KEYS: in_flight of each of its partitions
-- ARGV: 1 notification_prefix, 2 '1': those under way are asked for, else those that wait, 3 and on: ids
-- Returns the ids, each with the time before which it is not due (microseconds; '' if there is none).
local UNDER_WAY = ARGV[2] == '1'
local untold = {}

local function is_under_way(id)
  for _, in_flight in ipairs(KEYS) do
    if redis.call('ZSCORE', in_flight, id) then return true end
  end
  return false
end

for position = 3, #ARGV do
  local id = ARGV[position]
  local key = ARGV[1] .. id
  -- of one that another worker has under way, that one tells
  local is_asked_for = redis.call('HEXISTS', key, 'message') == 1 and is_under_way(id) == UNDER_WAY
  if is_asked_for and redis.call('HSETNX', key, 'received', 1) == 1 then
    table.insert(untold, id)
    table.insert(untold, redis.call('HGET', key, 'not_before') or '')
  end
end
return untold
