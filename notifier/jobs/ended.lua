-- Note how a run of a job ended. Another run may have been started meanwhile: what that one comes to is not known yet.
-- KEYS: 1 the job
-- ARGV: 1 id of the run, 2 outcome, 3 exit code ('' if none), 4 life of the job (seconds)
-- Returns 1 if it was noted.
local JOB = KEYS[1]
if redis.call('HGET', JOB, 'run') ~= ARGV[1] then return 0 end
redis.call('HSET', JOB, 'ended_at', string.format('%.0f', now_us()), 'ended', ARGV[1], 'outcome', ARGV[2],
  'exit_code', ARGV[3])
redis.call('EXPIRE', JOB, ARGV[4])
return 1
