// Texts of the status page in both languages. Both must have the same keys.

const en = {
  tokenLabel: "API token",
  signIn: "Sign in",
  signOut: "Sign out",
  refused: "This token is not known to the server.",
  unreachable: "The server cannot be reached.",
  busy: "Too many attempts. Wait a moment and try again.",
  channels: "Channels",
  none: "There is no channel yet. Make one with POST /api/v1/channels.",
  state: "State",
  since: "Since",
  agent: "Agent",
  noAgent: "none",
  used: "Used",
  usedIn: "{calls} API calls and {pushes} pushes in {month}, as counted by this server",
  notCounted: "not counted",
  connected: "Connected",
  disconnected: "Disconnected",
  disabled: "Disabled",
  cut: "The live connection is cut: what you see may be old. Trying again…",
  lastError: "Last error",
  oneUntil: "Several connections are tried again:",
};

const zh = {
  tokenLabel: "API 令牌",
  signIn: "登录",
  signOut: "退出",
  refused: "服务器不认识此令牌。",
  unreachable: "无法连接服务器。",
  busy: "尝试次数过多，请稍后再试。",
  channels: "渠道",
  none: "还没有渠道。可通过 POST /api/v1/channels 创建。",
  state: "内部状态",
  since: "自",
  agent: "智能体",
  noAgent: "未设置",
  used: "用量",
  usedIn: "{month} 内 API 调用 {calls} 次、推送 {pushes} 次（由本服务器计数）",
  notCounted: "未计数",
  connected: "已连接",
  disconnected: "未连接",
  disabled: "已停用",
  cut: "实时连接已断开，显示内容可能已过时，正在重试…",
  lastError: "最近错误",
  oneUntil: "将重新尝试多个连接：",
};

const isChinese = (navigator.languages?.[0] ?? navigator.language ?? "en").toLowerCase().startsWith("zh");

export const language = isChinese ? "zh-CN" : "en";

export const text = (key) => (isChinese ? zh : en)[key] ?? key;
