-- What time it is (ms): the given one, or the server's own where it is ''. Stands before each script that goes by time.
local function moment(given)
  local now = tonumber(given)
  if not now then
    local time = redis.call('TIME')
    now = time[1] * 1000 + math.floor(time[2] / 1000)
  end
  return now
end
