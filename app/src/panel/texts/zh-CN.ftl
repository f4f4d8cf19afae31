### 管理面板的简体中文文本。每个键在 en.ftl 中都有，参数相同。

## 页面框架
nav-label = 栏目
nav-menu = 菜单
nav-skip = 跳到正文
nav-playground = 演练场
nav-dashboard = 仪表盘
nav-channels = 渠道
nav-agents = 智能体
nav-conversations = 会话
nav-failures = 失败记录
nav-users = 用户
nav-directories = 企业目录
nav-audit = 审计
nav-replicas = 副本
nav-changes = 变更
nav-tokens = 令牌
nav-settings = 设置
sign-out = 退出登录
theme-auto = 外观：跟随系统
theme-dark = 外观：深色
theme-light = 外观：浅色
no-script = 未启用 JavaScript，只能查看，无法修改。
push-cut = 与服务器的实时连接已断开，当前显示的内容可能已过时，正在重试……
role-viewer = 只读
role-operator = 运维
role-admin = 管理员
role-viewer-about = 您可以查看所有内容，但不能做任何更改。
role-operator-about = 您可以重启、启用、停用、测试和重试；配置和用户由管理员更改。
role-admin-about = 您可以执行所有操作。
needs-operator = 需要“运维”角色的令牌。
needs-admin = 需要“管理员”角色的令牌。

## 操作提示
said-offline = 无法连接服务器，请重试。
said-failed = 操作未成功。
said-done = 已完成。
said-saved = 已保存。
said-refused = 未保存，请查看标出的字段。
said-stale = 在此期间已有其他人修改，请重新加载页面。
said-checking = 正在检查……
said-check-fine = 检查全部通过。
said-check-failed = 检查发现需要处理的问题。
result-ok = 正常
result-failed = 异常
result-untold = 无法判断
first-output = 首次输出耗时

## 登录
sign-in-title = 登录
sign-in-about = 使用 API 令牌登录。服务器首次启动时会打印第一个令牌。
sign-in-token = 令牌
sign-in-help = 新建令牌：switchboard token create --name NAME --role admin
sign-in-act = 登录
sign-in-refused = 令牌不存在或已被吊销。
sign-in-held-up = 您的地址尝试错误令牌的次数过多，请稍后再试。

## 出错页面
problem-missing = 未找到
problem-missing-about = 这里没有内容，或内容已不存在。
problem-forbidden = 不允许
problem-forbidden-about = 您的令牌没有此权限，或请求并非来自本服务器的页面。
problem-away = 暂不可用
problem-away-about = 存储无法连接，或服务器正在停止，请稍后再试。
problem-other = 操作未成功
problem-other-about = 服务器无法显示此页面。
problem-back = 返回仪表盘

## 通用
state-connected = 已连接
state-disconnected = 未连接
state-disabled = 已停用
delete = 删除
delete-title = 删除
delete-type = 请输入名称以确认：
cancel = 取消
edit = 编辑
duplicate = 复制
search = 搜索
next-page = 下一页
never = 从未
managed-by-file = 来自配置文件
managed-by-file-about = 由配置文件管理：请在文件中修改后重新加载。

## 渠道
channels-title = 渠道
channels-none = 这里没有渠道。
channels-count = { $count } 个渠道
channel-add = 添加渠道
switch-label = 开关
switch-on = 开
switch-off = 关
restart = 重启
restarted = 正在重新建立连接。
restart-disabled = 已停用的渠道无法重启，请先开启。
fact-since = 处于当前状态自
fact-uptime = 已连接时长
fact-message = 最近消息
fact-reply = 最近回答
fact-agent = 智能体
no-agent = 无：消息不会被回答
last-error = 最近一次问题（已恢复）：
error-now = 问题：
uptime-days = { $days } 天 { $hours } 小时
uptime-hours = { $hours } 小时 { $minutes } 分钟
uptime-minutes = { $minutes } 分钟

## 新建与修改
create = 创建
save = 保存
check = 检查
check-title = 检查配置
check-about = 使用已保存的配置询问平台和智能体，不建立连接，任何人都不会看到。
advanced = 更多设置
secret-stored = 已保存。
secret-replace = 替换
not-json = 不是有效的 JSON。
copy-of = { $name } 的副本
platform-choose = 用户在哪里给机器人发消息？
platform-take = 选择
platform-unknown = 当前版本不认识该类型，无法显示其配置。
planned = 计划中
planned-about = 将在后续版本提供。
guide-title = 操作步骤
group-channel = 渠道
group-conversation = 对话
group-privacy = 隐私
group-access = 访问
group-mapping = 用户识别
group-switching = 聊天中的切换
channel-delete = 删除渠道
channel-delete-about = 进行中的回答会以一句提示结束；对话记录会保留。

## 渠道页面
tab-overview = 概览
tab-settings = 设置
tab-access = 访问与用户识别
tab-conversations = 会话
tab-failures = 失败记录
tab-history = 历史版本
tab-log = 日志
connections-title = 连接
connections-none = 尚无服务器接管此渠道。
next-attempt = 下次尝试：
replica = 服务器
column-state = 状态
column-since = 自
column-connections = 连接数
column-problem = 最近问题
quota-title = 月度配额用量
quota-state = 状态：
quota-enough = 充足
quota-short = 按目前速度不够用
quota-mostly-used = 已使用 80%
quota-nearly-used-up = 已使用 95%
quota-used-up = 平台提示已用完
quota-pushes-used-up = 推送额度已用完：收到的消息没有内容
quota-saver = 卡片更新方式：
saver-normal = 流式更新（normal）
saver-few-updates = 减少更新，节省调用（few_updates）
saver-final-only = 仅显示完整回答，节省调用（final_only）
saver-by-hand = （由渠道设置指定，与配额无关）
quota-used = 本月接口调用次数：
column-quota = 配额
column-saver = 卡片更新
quota-limit = 企业每月可用的接口调用次数：
quota-forecast = 按目前速度，本月结束时的调用次数：
quota-about = 由本服务器统计。其他程序可能使用同一应用，平台的统计请以其后台为准。
column-month = 月份
column-calls = 接口调用
column-pushes = 推送
try-title = 试一个用户
try-about = 说明某条消息的发送者会被如何处理及原因，不会创建任何内容。
try-id = 平台用户 ID
try-act = 试一下
tried-outcome = 结果
tried-use = 已知用户
tried-link = 关联到已有用户
tried-create = 创建新用户
tried-refuse = 拒绝
tried-unknown = 无法判断
tried-user = 用户
tried-access = 访问
tried-allow = 允许
tried-deny = 拒绝
tried-sentence = 对方看到的提示
tried-rule = 依据的规则
tried-directory = 企业目录
tried-found = 有此人
tried-absent = 无此人
tried-ambiguous = 有多人符合
tried-unavailable = 无法查询
tried-detail = 详情

## 智能体
agents-title = 智能体
agents-none = 还没有智能体。
agent-add = 添加智能体
agent-test = 测试
kind-choose = 智能体使用哪种接口？
group-agent = 智能体
group-limits = 限制
agent-in-use = 有渠道正在使用，无法删除。
agent-delete-about = 只能删除没有渠道使用的智能体。
used-by-channels =
    { $count ->
        [0] 未使用
       *[other] { $count } 个渠道使用
    }

## 会话
conversations-title = 会话
conversations-none = 这里没有会话。
conversation-group = 群聊
conversation-private = 单聊
conversation-waiting = { $count } 条消息处理中
conversation-channel = 渠道
conversation-user = 用户
conversation-author = 最近发送者
conversation-active = 最近活动
conversation-session = 对话
conversation-id = ID
conversation-stop = 停止回答
conversation-stopped = 已停止当前回答。
conversation-reset = 重新开始
conversation-was-reset = 已开始新对话。
transcript-title = 完整对话记录
session-title = 当前对话的最近内容
session-whole = 从头查看全部
transcript-none = 没有内容，或已被清除。
line-user = 用户
line-agent = 智能体
line-stopped = 已停止
line-failed = 失败：
line-running = 正在回答
line-waiting = 等待中
line-writing = 正在输出
transcript-elsewhere = 有 { $count } 条消息正在处理，内容可在负责处理的副本上查看。

## 失败记录
failures-title = 失败记录
failures-about = 放弃处理的消息，以及未能显示的回答。
failures-none = 这里没有失败记录。
failure-told = 用户看到的提示：
failure-retry = 重试
failure-retried = 已重试过。
failure-retried-at = 已重试：
failure-retry-done = 正在重试。
failure-conversation = 会话
failure-attempts = 崩溃次数：{ $count }

## 消息时间线
timeline-way = 时间线
timeline-title = 消息处理过程
timeline-about = 在最后一次变化后保留一周，最多保留最近 100000 条消息。
timeline-attempts = 询问智能体的次数
timeline-attempt = 第 { $count } 次
timeline-trace = 追踪 ID
timeline-failure = 有对应的失败记录：
since-ms = +{ $ms } 毫秒
since-s = +{ $s } 秒
since-min = +{ $min } 分 { $s } 秒
since-h = +{ $h } 小时 { $min } 分
told-received = 从平台收到消息。
told-received-command = 从平台收到消息：命令。
told-not-taken = 未受理：
told-stored = 已保存。
told-acknowledged = 已向平台确认。
told-given = 通过 API 提交。
told-retry-of = 这是一次重试，原消息：
told-retried = 已重试，新消息：
told-queued =
    { $count ->
        [0] 正在等待处理。
       *[other] 正在排队，前面还有 { $count } 轮。
    }
told-taken-up = 由另一个进程（或故障恢复后的同一进程）接手。
told-left = 服务器正在停止，交给下一个进程处理。
told-mapped = 发送者对应的用户：
told-rule = 依据规则
told-asked = 已询问智能体：
told-asked-on = 已向智能体索取上一次运行的结果：
told-model = 模型
told-first-output = 智能体开始输出。
told-agent-finished = 智能体已完成。
told-cut = 回答不完整：
told-agent-failed = 智能体失败：
told-waiting-shown = 聊天中已显示“等待中”。
told-card-created = 卡片已创建。
told-card-trouble = 卡片调用未成功：
told-card-updates =
    { $failed ->
        [0] 卡片更新 { $count } 次。
       *[other] 卡片更新：成功 { $count } 次，失败 { $failed } 次。
    }
told-card-closed = 卡片已显示完整回答。
told-parts =
    { $failed ->
        [0] 已发送普通消息 { $count } 条。
       *[other] 普通消息：已发送 { $count } 条，未成功 { $failed } 次。
    }
told-delivered = 已送达。
told-told = 已向发送者发送一句提示。
told-failure = 已记录失败：
told-answered = 处理结束：已回答。
told-joined = 内容已并入前一条消息，合为一个问题。
told-cancelled = 处理结束：已停止，
told-refused = 未受理：
told-failed = 处理结束：失败。
by-chat-stop = 由聊天中的 /stop 停止。
by-chat-new = 由聊天中的 /new 停止。
by-api-stop = 由管理面板或 API 停止。
by-api-reset = 因在管理面板或 API 中重新开始而停止。
by-button = 由卡片上的按钮停止。
by-channel-deleted = 因渠道被删除而停止。
by-newer-message = 被更新的消息打断。
sending-queued = 正在等待发送。
sending-attempting = 正在发送。
sending-sent = 平台已接收。
sending-failed = 未发送，或未全部发送：
sending-unknown = 无法确定是否送达：
sending-parts = 已发送 { $sent } / { $count } 段。

## 用户
users-title = 用户
directories-title = 企业目录
directories-about = 各渠道用来查询用户身份的目录，按各渠道的查询顺序排列。请在渠道的“访问与用户识别”中设置；“试一个用户”只查询，不做任何更改。
directories-none = 没有渠道查询企业目录。请在渠道的“访问与用户识别”中设置。
column-directory = 目录
column-kind = 类型
column-address = 地址或文件
column-try = 试查
users-none = 还没有用户。用户会在发送第一条消息时创建。
users-none-found = 没有匹配的用户。用户较多时，可在下一页继续查找。
user-add = 添加用户
group-user = 用户
column-user = 用户
column-email = 邮箱
column-department = 部门
column-source = 来源
column-identities = 平台身份
user-disabled = 已停用
user-made = 创建时间
user-directory = 所属目录
user-shut-out = 禁止者
user-conversations = 查看
user-delete-about = 此人下次发消息时会重新识别。
identities-about = 此人在平台上的 ID，其中任何一个发来的消息都属于该用户。
identities-none = 没有。
identity-unlink = 解除关联
identity-link = 关联
identity-platform = 平台

## 审计
audit-title = 审计
audit-about = 谁按什么规则被识别为谁，以及对用户的操作。最新在前，最多 10,000 条。
audit-none = 还没有记录。
column-time = 时间
column-act = 操作
column-identity = 平台身份
column-rule = 规则与来源
act-created = 创建
act-linked = 关联
act-unlinked = 解除关联
act-disabled = 停用
act-enabled = 启用
act-deleted = 删除
act-shut-out = 禁止
act-let-in = 允许
act-changed = 修改
act-rolled-back = 回退
act-from-file = 来自配置文件
audit-users = 用户与匹配
acts-title = 操作记录
acts-about = 通过 API 和面板进行的操作，不含设置变更。最新的在前，最多 10,000 条。
column-author = 操作者
column-subject = 对象
author-unknown = 未知
author-file = 配置文件
author-command-line = 命令行
done-token-created = 新建令牌
done-token-revoked = 吊销令牌
done-channel-restarted = 重启渠道
done-conversation-reset = 重新开始会话
done-conversation-stopped = 停止回答
done-failure-retried = 重试失败记录
done-failure-deleted = 删除失败记录
done-user-created = 新建用户
done-user-changed = 修改用户
done-user-deleted = 删除用户
done-user-exported = 导出用户数据
done-identity-linked = 关联身份
done-identity-unlinked = 取消关联身份

## 设置变更
changes-title = 变更
changes-about = 谁在何时修改了哪个渠道或智能体。最新的在前，最多 10,000 条。
changes-all = 全部
column-resource = 渠道或智能体，版本
column-fields = 字段
history-about = 每次修改都会产生一个版本，保留最新的 200 个。密钥不属于任何版本。
history-version = 版本 { $version }
history-present = 当前
history-gone = 已删除
history-secret = 密钥已更换
history-nothing = 与上一版本相比没有不同的字段。
history-unknown = 上一版本已不再保留。
history-more = 还有 { $count } 个字段
history-content = 最后的内容
history-too-long = 内容过长，未能保留。
history-back = 回退到此版本
history-back-title = 回退到版本 { $version }？
history-back-about = 将产生一个与此版本相同的新版本。密钥保持当前保存的值，其他内容不受影响。

## 令牌
tokens-title = 令牌
tokens-about = 用令牌登录面板、调用 API。变更会记在令牌的名称下。
tokens-none = 存储中没有令牌。
token-add = 新建令牌
token-name = 名称
token-name-about = 例如使用者或程序的名称。
token-role = 角色
token-made = 创建时间
token-used = 最近使用
token-unused = 本服务器启动以来未使用
token-own = 您的
token-bootstrap = 首次启动时创建
token-shown = 这就是令牌。请立即复制，之后不会再显示。
token-noted = 已保存，重新显示列表
token-revoke = 吊销
token-revoke-title = 吊销此令牌？
token-revoke-about = 令牌立即失效，用它登录的人会被退出登录。

## 服务器设置
settings-title = 设置
settings-about = 本服务器当前使用的设置，仅供查看。请在配置文件或环境变量中修改，然后重启。
settings-server = 服务器
settings-runs-for = 运行始于
export-title = 导出
export-about = 以 TOML 导出所有智能体和渠道，格式与配置文件相同，不含密钥。
export-act = 下载
import-title = 导入
import-about = 按名称新建和修改智能体与渠道，不会删除任何内容。文本中没有写明的密钥保持不变。
import-file = 文件
import-text = 文本（TOML）
import-try = 查看将有哪些变更
import-act = 导入
import-created = 新建：
import-changed = 修改：
import-unchanged = 无需变更：
import-agent = 智能体
import-channel = 渠道
import-nothing = 没有任何变更。

## 副本
replicas-title = 副本
replicas-about = 使用同一存储运行的服务器。
column-host = 主机
column-version = 版本
column-started = 启动时间
column-partitions = 分区

## 首次设置
welcome-title = 首次设置
welcome-about = 四步获得第一个回答。
welcome-steps = 步骤
welcome-skip = 跳过，前往渠道列表
step-token = 1 令牌
step-agent = 2 智能体
step-channel = 3 渠道
step-message = 4 消息
welcome-agent = 第一步：由谁回答？先选择 Echo，可以立即确认一切正常，之后再换。
welcome-channel = 接下来：用户在哪里发消息？
welcome-message-title = 给机器人发消息
welcome-message = 在聊天中搜索机器人的名称并发送消息。下方会显示渠道何时连接、消息何时收到、何时回答。

## 演练场
playground-title = 演练场
playground-about = 在这里与任意智能体对话，与聊天中完全一样：同样的队列、命令和限制。
playground-transcript = 完整会话
playground-none = 还没有演练场。演练场是一个无需聊天平台的渠道，可以在这里与任意智能体对话。
playground-agent-first = 先创建智能体
playground-make = 创建演练场
playground-disabled = 此渠道已停用：请在“渠道”中启用。
playground-channels = 演练场列表
playground-talk = 对话
playground-empty = 写点什么吧：回答会在这里逐字出现。发送 /help 查看更多命令。
playground-you = 您
playground-bot = 机器人
playground-writing = 正在回答……
playground-sending = 正在发送……
playground-failed = 失败
playground-lost = 未被接收：请重新发送
playground-cut = 此处截断，全文见会话
playground-words = 消息
playground-keys = 按 Enter 发送，Shift+Enter 换行。
playground-send = 发送
playground-stop = 停止
playground-new = 新对话
playground-switch = 切换智能体……
playground-own = 渠道默认
playground-timeline = 时间线
playground-timeline-about = 消息得到回答后，这里会显示其处理过程。
playground-timeline-yet = 尚未记录完整：处理过程会在回答之后片刻写入。
playground-no-timeline = 没有此消息的记录。
playground-timeline-page = 查看此消息的全部信息
welcome-playground = 只想先看看效果？已经有一个会复述您消息的智能体。
welcome-playground-open = 前往演练场
## 仪表盘
dashboard-title = 仪表盘
dashboard-away = 未连接
dashboard-away-none = 所有已启用的渠道均已连接。
dashboard-away-yet = 正在连接。
dashboard-away-more = 另有 { $count } 个渠道未连接。
measures-about = 由本服务器及共用存储的其他服务器统计，每分钟更新。
measures-hour = 最近一小时
measures-day = 最近一天
measures-table = 以表格查看
measure-until = 截至
measure-messages = 消息
measure-success = 成功回答率
measure-first-output = 首次输出（半数以内 / 95% 以内）
measure-running = 进行中的回答
measure-queue = 等待中的消息
measure-running-queue = 进行中的回答、等待中的消息（虚线）
measure-calls = 平台调用
measure-errors = 错误
measure-none = 无
measure-nothing = 没有数据。
measure-highest = 最高：{ $value }
causes-title = 按原因统计的错误
causes-none = 最近一天没有错误。
column-channel = 渠道
column-cause = 原因

## 渠道状态的经过
course-title = 连接历史
course-day = 最近 24 小时
course-week = 最近 7 天
course-changes = 最近的变化
course-unknown = 未知
course-nobody = 没有服务器在运行
course-nothing = 这段时间没有记录。
course-connected = 在有记录的时间里，{ $percent }% 已连接；重连 { $count } 次。
course-away = 断开 { $minutes } 分钟。
course-no-server = 没有服务器运行 { $minutes } 分钟。

## 渠道日志
log-about = 各服务器关于此渠道的日志，最新的在最后，不含消息内容和密钥。详细级别只能在对应的服务器上看到，且需要 telemetry.log 允许。日志内容为英文。
log-levels = 最低级别
log-error = 错误
log-warn = 警告
log-info = 一般
log-debug = 详细
log-pause = 暂停
log-go-on = 继续
log-none = 没有日志。

## 诊断信息
diagnostics-title = 诊断信息
diagnostics-act = 下载
diagnostics-about = 一个文件，包含版本、配置、状态、最近的警告和错误以及指标，用于反馈问题。其中没有密钥、消息内容和人员姓名；转交前请先查看。

## 代码的说明
refusal-too-many-messages = 一分钟内的消息超过了渠道的上限。
refusal-inbox-full = 该会话等待处理的消息过多。
refusal-busy = 该会话正在回答另一条消息。
refusal-access-denied = 发送者无权在此使用该机器人。
refusal-user-disabled = 该用户已被停用。
refusal-not-mapped = 发送者没有匹配的用户。
refusal-not-looked-up = 暂时无法查询发送者的身份。
refusal-unsupported = 无法处理这类消息。
refusal-no-agent = 渠道没有配置智能体。
refusal-channel-deleted = 渠道已被删除。
refusal-not-fetched = 未能获取文件。
refusal-files-too-large = 文件过大。
refusal-files-denied = 平台不提供这些文件。
rule-linked = 该人员已关联用户
rule-username = 按用户名匹配
rule-email = 按邮箱匹配
rule-fixed-user = 所有人使用同一用户
rule-directory = 按企业目录匹配
rule-on-miss = 没有匹配（“未匹配到时”）
rule-api = 手动操作
way-card = 卡片
way-webhook = 通过随提问附带的地址发送消息
way-api = 通过平台接口发送消息
call-done = 成功
call-missing = 平台上没有该卡片
call-throttled = 调用过于频繁
call-not-sent = 无法连接
call-unknown = 无法确定是否成功
call-refused = 被拒绝
cut-length = 达到智能体自身的长度上限
cut-filter = 被智能体的内容过滤截断
check-token = 凭证
check-stream = 连接（Stream）
check-robot = 机器人
check-card = 卡片
check-card-callback = 停止按钮
check-media = 文件
check-ip-list = IP 白名单
check-quota = 配额
check-playground = 演练场
check-directory = 企业目录
check-agent = 智能体
