-- The tutorial's game (docs/tutorial.md): the server thinks of a number, everyone guesses, and everyone hears who was right.
local GUESS, ANSWER, WON = 10, 20, 21
local HIGHEST = 100

local session, secret

local game = {configuration = {maxPlayers = 8}}

local function think()
	secret = math.random(HIGHEST)
end

function game.init(rtSession)
	session = rtSession
	secret = tonumber(session:getProperties())
	if not secret then think() end
end

local function tell(peer, text)
	session:sendReliableMessage(session:newTextGameMessage(ANSWER, session:getServerId(), text), peer)
end

local function tellEveryone(text)
	session:sendReliableGroupMessage(session:newTextGameMessage(WON, session:getServerId(), text), session:getAllPlayersGroupId())
end

function game.onMessage(msg)
	if msg.opCode ~= GUESS then return end
	local guess = tonumber(msg.payload)
	if not guess then return tell(msg.sender, "a number, please") end
	if guess < secret then return tell(msg.sender, "higher") end
	if guess > secret then return tell(msg.sender, "lower") end
	session:getLogger().info("guessed by player", msg.sender)
	tellEveryone(("player %d guessed %d"):format(msg.sender, secret))
	think()
end

return game
