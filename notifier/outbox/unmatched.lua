-- The members of one page of a sorted set that are not in exactly one of the other sets.
-- KEYS: 1 the set, 2… the others
-- ARGV: 1 first, 2 last (positions in the set)
-- Returns id and score of each, in turn.
local found = {}
local page = redis.call('ZRANGE', KEYS[1], ARGV[1], ARGV[2], 'WITHSCORES')
for at = 1, #page, 2 do
  local count = 0
  for other = 2, #KEYS do
    if redis.call('ZSCORE', KEYS[other], page[at]) then count = count + 1 end
  end
  if count ~= 1 then
    table.insert(found, page[at])
    table.insert(found, page[at + 1])
  end
end
return found
