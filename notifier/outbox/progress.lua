-- The progress of a notification: what is settled of it (JSON, progress.py).
--
-- note_progress(notification, text)   stores it, unless another worker has gone on from there meanwhile

local function is_further(known, progress)
  return not known or progress.part > known.part
    or progress.part == known.part and #progress.left_out > #known.left_out
end

local function note_progress(notification, text)
  local progress, stored = cjson.decode(text), redis.call('HGET', notification, 'progress')
  local known = stored and cjson.decode(stored)
  if not is_further(known, progress) then return end
  redis.call('HSET', notification, 'progress', text)
  -- what may have been posted before is a part that is posted for certain now
  if progress.part > (known and known.part or 0) then redis.call('HDEL', notification, 'unknown') end
end
