-- When the configured mentions of a type pinged last.
-- pinged: hash, microseconds by type
-- pinged_lately(pinged, now, quiet)   the types that did within the last `quiet` microseconds (JSON)
local function pinged_lately(pinged, now, quiet)
  local types, flat = {}, redis.call('HGETALL', pinged)
  for position = 1, #flat, 2 do
    local since = now - flat[position + 1]
    if since >= 0 and since < quiet then table.insert(types, flat[position]) end
  end
  return #types > 0 and cjson.encode(types) or '[]'
end
