-- Which server this is, in 16 hexadecimal digits; '' where it does not tell. Stands before each script that goes by it.
local function server()
  local told, info = pcall(redis.call, 'INFO', 'server')
  local run = told and string.match(info, 'run_id:(%x+)') or ''
  return #run < 16 and '' or string.lower(string.sub(run, 1, 16))
end

-- Whether a lease was renewed under another server than this one, which may not have got all that was acknowledged.
local function is_elsewhere(lineage)
  return lineage ~= '' and server() ~= lineage
end
