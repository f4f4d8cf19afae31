### The panel in English. Every key stands in zh-CN.ftl as well, with the same values.

## The frame
nav-label = Sections
nav-menu = Menu
nav-skip = To the content
nav-dashboard = Dashboard
nav-channels = Channels
nav-playground = Playground
nav-agents = Agents
nav-conversations = Conversations
nav-failures = Failures
nav-users = Users
nav-directories = Directories
nav-audit = Audit
nav-replicas = Replicas
nav-changes = Changes
nav-tokens = Tokens
nav-settings = Settings
sign-out = Sign out
theme-auto = Theme: system
theme-dark = Theme: dark
theme-light = Theme: light
no-script = Without JavaScript this page can be read, but nothing can be changed.
push-cut = The live connection to the server is cut: what you see may be out of date. Trying again …
role-viewer = Viewer
role-operator = Operator
role-admin = Administrator
role-viewer-about = You may look at everything and change nothing.
role-operator-about = You may restart, enable, disable, test and retry. Settings and people are changed by administrators.
role-admin-about = You may do everything.
needs-operator = This takes a token with the role operator.
needs-admin = This takes a token with the role administrator.

## What is said in passing
said-offline = The server cannot be reached. Try again.
said-failed = That did not work.
said-done = Done.
said-saved = Saved.
said-refused = Not saved: see the marked fields.
said-stale = Somebody else has changed this in the meantime. Load the page again.
said-checking = Checking …
said-check-fine = Everything checked is fine.
said-check-failed = The check found something to mend.
result-ok = Fine
result-failed = Not fine
result-untold = Cannot be told
first-output = First output after

## Signing in
sign-in-title = Sign in
sign-in-about = Sign in with an API token. The first one is printed when the server starts for the first time.
sign-in-token = Token
sign-in-help = Another one: switchboard token create --name NAME --role admin
sign-in-act = Sign in
sign-in-refused = This token is not known, or was revoked.
sign-in-held-up = Too many wrong tokens came from your address. Wait a little and try again.

## Pages that say what went wrong
problem-missing = Not found
problem-missing-about = There is nothing here (any more).
problem-forbidden = Not allowed
problem-forbidden-about = Your token does not allow this, or the request did not come from a page of this server.
problem-away = Not available now
problem-away-about = The store cannot be reached, or the server is stopping. Try again in a moment.
problem-other = That did not work
problem-other-about = The server could not show this page.
problem-back = To the dashboard

## Pieces
state-connected = Connected
state-disconnected = Disconnected
state-disabled = Disabled
delete = Delete
delete-title = Delete
delete-type = To confirm, type the name:
cancel = Cancel
edit = Edit
duplicate = Duplicate
search = Search
next-page = Next page
never = never
managed-by-file = from the configuration file
managed-by-file-about = It is kept in the configuration file: change it there and reload.

## Channels
channels-title = Channels
channels-none = There is no channel here.
channels-count =
    { $count ->
        [one] { $count } channel
       *[other] { $count } channels
    }
channel-add = Add a channel
switch-label = On or off
switch-on = On
switch-off = Off
restart = Restart
restarted = The connection is made anew.
restart-disabled = A disabled channel cannot be restarted: switch it on.
fact-since = In this state since
fact-uptime = Connected for
fact-message = Last message
fact-reply = Last answer
fact-agent = Agent
no-agent = none: nobody answers
last-error = Last problem, over now:
error-now = Problem:
uptime-days = { $days } d { $hours } h
uptime-hours = { $hours } h { $minutes } min
uptime-minutes = { $minutes } min

## Making and changing things
create = Create
save = Save
check = Check
check-title = Check the settings
check-about = Asks the platform and the agent with what is stored, without connecting. Nobody sees anything of it.
advanced = More settings
secret-stored = One is stored.
secret-replace = Replace
not-json = This is no JSON.
copy-of = Copy of { $name }
platform-choose = Where do people write to the bot?
platform-take = Choose
platform-unknown = This version does not know its kind, so its settings cannot be shown.
planned = planned
planned-about = Comes in a later version.
guide-title = Step by step
group-channel = Channel
group-conversation = Conversations
group-privacy = Privacy
group-access = Access
group-mapping = Who is who
group-switching = Choosing in the chat
channel-delete = Delete the channel
channel-delete-about = Running answers are closed with one sentence. Transcripts stay.

## A channel's pages
tab-overview = Overview
tab-settings = Settings
tab-access = Access and mapping
tab-conversations = Conversations
tab-failures = Failures
tab-history = History
tab-log = Log
connections-title = Connections
connections-none = No server has taken the channel in yet.
next-attempt = Next attempt:
replica = Server
column-state = State
column-since = Since
column-connections = Connections
column-problem = Last problem
quota-title = Used of the monthly quota
quota-state = State:
quota-enough = enough
quota-short = does not last at this rate
quota-mostly-used = 80 % used
quota-nearly-used-up = 95 % used
quota-used-up = used up, as the platform says
quota-pushes-used-up = pushes are used up: messages come without content
quota-saver = How cards are updated:
saver-normal = as they are written (normal)
saver-few-updates = seldom, to save calls (few_updates)
saver-final-only = only the whole answer is shown, to save calls (final_only)
saver-by-hand = – as the channel's settings say, whatever the quota
quota-used = API calls in this month:
column-quota = Quota
column-saver = Updates of cards
quota-limit = Calls that the company may make in a month:
quota-forecast = Calls of this month when it is over, if it goes on like this:
quota-about = As this server has counted it. Other programs may use the same app; the platform's own count is in its console.
column-month = Month
column-calls = API calls
column-pushes = Pushes
try-title = Try a user
try-about = Says what would happen to the author of a message, and why. Nothing is made.
try-id = The platform's id of the person
try-act = Try
tried-outcome = What happens
tried-use = A user who is known already
tried-link = A user there is, who is linked
tried-create = A new user is made
tried-refuse = Refused
tried-unknown = Cannot be told
tried-user = User
tried-access = Access
tried-allow = Allowed
tried-deny = Refused
tried-sentence = What the person is told
tried-rule = Rule that decided
tried-directory = Directory
tried-found = knows the person
tried-absent = does not know the person
tried-ambiguous = knows several who fit
tried-unavailable = cannot be asked
tried-detail = Detail

## Agents
agents-title = Agents
agents-none = There is no agent yet.
agent-add = Add an agent
agent-test = Test
kind-choose = What does the agent speak?
group-agent = Agent
group-limits = Limits
agent-in-use = Channels use it, so it cannot be deleted.
agent-delete-about = Only an agent that no channel uses can be deleted.
used-by-channels =
    { $count ->
        [0] not used
        [one] used by { $count } channel
       *[other] used by { $count } channels
    }

## Conversations
conversations-title = Conversations
conversations-none = There is no conversation here.
conversation-group = Group
conversation-private = Private
conversation-waiting =
    { $count ->
        [one] { $count } message under way
       *[other] { $count } messages under way
    }
conversation-channel = Channel
conversation-user = User
conversation-author = Last author
conversation-active = Last active
conversation-session = Session
conversation-id = Id
conversation-stop = Stop the answer
conversation-stopped = The running answer is stopped.
conversation-reset = Start over
conversation-was-reset = A new session begins.
transcript-title = Transcript from the beginning
session-title = The present session, last lines
session-whole = Everything, from the beginning
transcript-none = Nothing was said, or it is forgotten.
line-user = Person
line-agent = Agent
line-stopped = stopped
line-failed = failed:
line-running = being answered
line-waiting = waiting
line-writing = being written
transcript-elsewhere = { $count ->
    [one] One message is under way; its words can be seen on the replica that answers it.
   *[other] { $count } messages are under way; their words can be seen on the replica that answers them.
}

## Failures
failures-title = Failures
failures-about = Messages given up on, and answers that were not shown.
failures-none = There is no failure here.
failure-told = People are told:
failure-retry = Retry
failure-retried = It was retried already.
failure-retried-at = Retried:
failure-retry-done = It is tried again.
failure-conversation = Conversation
failure-attempts = crashes: { $count }

## Timelines of messages
timeline-way = Timeline
timeline-title = What happened to a message
timeline-about = Kept for a week after the last thing that happened, for the last 100,000 messages.
timeline-attempts = Times the agent was asked
timeline-attempt = attempt { $count }
timeline-trace = Trace id
timeline-failure = There is a record of its failure:
since-ms = +{ $ms } ms
since-s = +{ $s } s
since-min = +{ $min } min { $s } s
since-h = +{ $h } h { $min } min
told-received = It came from the platform.
told-received-command = It came from the platform: a command.
told-not-taken = It was not taken on:
told-stored = Stored.
told-acknowledged = Acknowledged to the platform.
told-given = It was given in through the API.
told-retry-of = It is a retry of
told-retried = It was retried as
told-queued =
    { $count ->
        [0] It waits for its turn.
        [one] It waits: { $count } turn comes first.
       *[other] It waits: { $count } turns come first.
    }
told-taken-up = Another process, or the same one after a fault, goes on with it.
told-left = The server stops, and leaves it to the next process.
told-mapped = Its author is the user
told-rule = by the rule
told-asked = The agent was asked:
told-asked-on = The agent was asked for the result of the run before:
told-model = model
told-first-output = The agent said its first words.
told-agent-finished = The agent came to its end.
told-cut = Its answer is not whole:
told-agent-failed = The agent failed:
told-waiting-shown = The chat shows that it waits.
told-card-created = The card is there.
told-card-trouble = A call for the card did not work:
told-card-updates =
    { $failed ->
        [0] The card was updated { $count ->
            [one] once
           *[other] { $count } times
        }.
       *[other] Updates of the card: { $count } done, { $failed } not.
    }
told-card-closed = The card shows the whole answer.
told-parts =
    { $failed ->
        [0] Plain messages sent: { $count }.
       *[other] Plain messages: { $count } sent, { $failed } tries in vain.
    }
told-delivered = Delivered.
told-told = A sentence was sent to the author.
told-failure = A failure was recorded:
told-answered = Its turn is over: answered.
told-joined = Its words went with the message before it, into one question.
told-cancelled = Its turn is over: stopped
told-refused = It was refused:
told-failed = Its turn is over: failed.
by-chat-stop = by /stop in the chat.
by-chat-new = by /new in the chat.
by-api-stop = from the panel or the API.
by-api-reset = by starting over, from the panel or the API.
by-button = by the button on the card.
by-channel-deleted = because the channel was deleted.
by-newer-message = by a newer message.
sending-queued = It waits for its turn.
sending-attempting = It is on its way.
sending-sent = The platform took it.
sending-failed = It was not sent, or not all of it:
sending-unknown = Nobody knows whether it arrived:
sending-parts = { $sent } of { $count } parts.

## Users
users-title = Users
directories-title = Directories
directories-about = Where channels ask who somebody is, in the order in which each channel asks. They are set up under a channel's "Access and mapping"; "Try a user" asks them and changes nothing.
directories-none = No channel asks a directory. One is set up under a channel's "Access and mapping".
column-directory = Directory
column-kind = Kind
column-address = Address or file
column-try = Dry run
users-none = There is no user yet. Users are made with their first message.
users-none-found = Nobody here fits. On large lists the next page goes on searching.
user-add = Add a user
group-user = User
column-user = User
column-email = E-mail
column-department = Department
column-source = Comes from
column-identities = Identities
user-disabled = disabled
user-made = Made
user-directory = Vouched for by
user-shut-out = Shut out by
user-conversations = Show
user-delete-about = With the next message the person is mapped anew.
identities-about = The platform's ids of the person. A message of any of them is this user's.
identities-none = There is none.
identity-unlink = Unlink
identity-link = Link
identity-platform = Platform

## Audit
audit-title = Audit
audit-about = Who was mapped to whom, by which rule, and what was done to users. The newest first, 10,000 at most.
audit-none = Nothing has happened yet.
column-time = Time
column-act = Act
column-identity = Identity
column-rule = Rule and source
act-created = made
act-linked = linked
act-unlinked = unlinked
act-disabled = disabled
act-enabled = enabled
act-deleted = deleted
act-shut-out = shut out
act-let-in = let in
act-changed = changed
act-rolled-back = rolled back
act-from-file = from the configuration file
audit-users = Users and mapping
acts-title = What people did
acts-about = Through the API and the panel, besides changing settings. The newest first, 10,000 at most.
column-author = Who
column-subject = What
author-unknown = not known
author-file = configuration file
author-command-line = command line
done-token-created = token made
done-token-revoked = token revoked
done-channel-restarted = channel restarted
done-conversation-reset = conversation started over
done-conversation-stopped = answer stopped
done-failure-retried = failure retried
done-failure-deleted = failure record deleted
done-user-created = user made
done-user-changed = user changed
done-user-deleted = user deleted
done-user-exported = user exported
done-identity-linked = identity linked
done-identity-unlinked = identity unlinked

## Changes of settings
changes-title = Changes
changes-about = Who changed which channel or agent when. The newest first, 10,000 at most.
changes-all = All
column-resource = Channel or agent, version
column-fields = Fields
history-about = Every change makes a version; the newest 200 are kept. Secrets are part of no version.
history-version = Version { $version }
history-present = present
history-gone = deleted
history-secret = another secret
history-nothing = No field differs from the version before.
history-unknown = The version before is no longer kept.
history-more = and { $count } more fields
history-content = What it was last
history-too-long = Its content was too long to be kept.
history-back = Roll back to this
history-back-title = Roll back to version { $version }?
history-back-about = Makes a new version that is as this one was. Secrets keep the values that are stored now. Nothing else is changed.

## Tokens
tokens-title = Tokens
tokens-about = With a token one signs in here and asks the API. Changes are noted under its name.
tokens-none = There is no token in the store.
token-add = Make a token
token-name = Name
token-name-about = For example the name of the person or program that will have it.
token-role = Role
token-made = Made
token-used = Last used
token-unused = not since this server started
token-own = yours
token-bootstrap = made at the first start
token-shown = This is the token. Copy it now: it is never shown again.
token-noted = I have it; show the list again
token-revoke = Revoke
token-revoke-title = Revoke this token?
token-revoke-about = It counts no more at once, and whoever signed in with it is signed out.

## The server's settings
settings-title = Settings
settings-about = What this server runs with, for reading. It is changed in the configuration file or the environment, with a restart.
settings-server = Server
settings-runs-for = Running since
export-title = Export
export-about = All agents and channels as TOML, in the form of the configuration file. Secrets are not in it.
export-act = Download
import-title = Import
import-about = Makes and changes agents and channels by their names, and deletes nothing. Secrets that the text does not say stay as they are.
import-file = File
import-text = Text (TOML)
import-try = Show what would change
import-act = Import
import-created = New:
import-changed = Changed:
import-unchanged = As it is already:
import-agent = agent
import-channel = channel
import-nothing = Nothing would change.

## Replicas
replicas-title = Replicas
replicas-about = The servers that run on this store.
column-host = Machine
column-version = Version
column-started = Started
column-partitions = Partitions

## First steps
welcome-title = First steps
welcome-about = Four steps to the first answer.
welcome-steps = Steps
welcome-skip = Skip, to the channels
step-token = 1 Token
step-agent = 2 Agent
step-channel = 3 Channel
step-message = 4 Message
welcome-agent = First: who answers? Take Echo to see at once that everything works, and another one later.
welcome-channel = Now: where do people write?
welcome-message-title = Write to the bot
welcome-message = Search the bot's name in the chat and write to it. Below you see when the channel is connected, when your message came and when it was answered.

## The playground
playground-title = Playground
playground-about = Talk to any agent here, just as people do in a chat: through the same queue, commands and limits.
playground-transcript = The whole conversation
playground-none = There is no playground yet: a channel that people talk to here, with any agent, without a chat platform.
playground-agent-first = Make an agent first
playground-make = Make the playground
playground-disabled = This channel is disabled: switch it on under Channels.
playground-channels = Playgrounds
playground-talk = The talk
playground-empty = Write something: the answer appears here word by word. /help says what else there is.
playground-you = You
playground-bot = Bot
playground-writing = writing …
playground-sending = on its way …
playground-failed = failed
playground-lost = not taken: say it again
playground-cut = cut here, the whole stands in the conversation
playground-words = Message
playground-keys = Enter sends, Shift+Enter begins a new line.
playground-send = Send
playground-stop = Stop
playground-new = New conversation
playground-switch = Switch the agent …
playground-own = the channel's own
playground-timeline = Timeline
playground-timeline-about = What became of a message stands here as soon as it is answered.
playground-timeline-yet = Not all of it is there yet: it is written down a moment behind the answer.
playground-no-timeline = Nothing is recorded of this message.
playground-timeline-page = All about this message
welcome-playground = Just want to see an answer? An agent that says everything back is there already.
welcome-playground-open = To the playground
## The dashboard
dashboard-title = Dashboard
dashboard-away = Not connected
dashboard-away-none = Every channel that is switched on is connected.
dashboard-away-yet = It is being connected.
dashboard-away-more =
    { $count ->
        [one] { $count } more channel is not connected.
       *[other] { $count } more channels are not connected.
    }
measures-about = Measured by this server and the others on its store, and brought up to date each minute.
measures-hour = Last hour
measures-day = Last day
measures-table = As a table
measure-until = Until
measure-messages = Messages
measure-success = Answered without failure
measure-first-output = First output (half within / 95 % within)
measure-running = Turns running
measure-queue = Messages waiting
measure-running-queue = Turns running, messages waiting (dashed)
measure-calls = Platform calls
measure-errors = Errors
measure-none = none
measure-nothing = Nothing was measured.
measure-highest = Highest: { $value }
causes-title = Errors by cause
causes-none = There were none in the last day.
column-channel = Channel
column-cause = Cause

## How a channel's state went
course-title = Connection in the past
course-day = Last 24 hours
course-week = Last 7 days
course-changes = The last changes
course-unknown = Not known
course-nobody = No server was running
course-nothing = Nothing is known of this time.
course-connected =
    Connected { $percent } % of the time that is known; { $count ->
        [0] no reconnect.
        [one] { $count } reconnect.
       *[other] { $count } reconnects.
    }
course-away = Disconnected for { $minutes } min.
course-no-server = No server was running for { $minutes } min.

## A channel's log
log-about = What the servers logged about this channel, the newest last. It holds neither messages nor secrets. Details of a server are seen on that server only, and where telemetry.log lets them through.
log-levels = From this level on
log-error = Errors
log-warn = Warnings
log-info = Everything usual
log-debug = Details
log-pause = Pause
log-go-on = Go on
log-none = Nothing was logged.

## For a bug report
diagnostics-title = For a bug report
diagnostics-act = Download
diagnostics-about = One file with versions, configuration, states, the last warnings and errors, and metrics. It holds no secrets, nothing that people said and nobody's name; read it before you hand it on.

## Codes in words
refusal-too-many-messages = More messages came than the channel allows in a minute.
refusal-inbox-full = Too many messages of the conversation wait already.
refusal-busy = The conversation was busy with another answer.
refusal-access-denied = The author may not use this bot here.
refusal-user-disabled = The user is disabled.
refusal-not-mapped = The author fits no user.
refusal-not-looked-up = Who the author is could not be looked up.
refusal-unsupported = Messages of this kind cannot be handled.
refusal-no-agent = The channel has no agent.
refusal-channel-deleted = The channel was deleted.
refusal-not-fetched = The files could not be fetched.
refusal-files-too-large = The files are too large.
refusal-files-denied = The platform does not hand out the files.
rule-linked = the person is linked to the user
rule-username = by username
rule-email = by e-mail address
rule-fixed-user = all are one user
rule-directory = by a company directory
rule-on-miss = nobody fits ("Without a match")
rule-api = by hand
way-card = Card
way-webhook = Message to the address that came with the question
way-api = Message by the platform's API
call-done = done
call-missing = the platform does not know the card
call-throttled = too many calls
call-not-sent = no connection
call-unknown = nobody knows whether it worked
call-refused = refused
cut-length = the agent's own length limit
cut-filter = the agent's content filter
check-token = Credentials
check-stream = Connection (Stream)
check-robot = Robot
check-card = Cards
check-card-callback = Stop button
check-media = Files
check-ip-list = Allowed addresses
check-quota = Quota
check-playground = Playground
check-directory = Directory
check-agent = Agent
