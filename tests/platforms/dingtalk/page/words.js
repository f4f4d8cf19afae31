// The page's words in English and Chinese; the browser's language decides.

const words = {
  en: {
    title: "DingTalk simulator",
    subtitle: "Try your bot without an account",
    you_are: "You are",
    robot: "Bot",
    conversations: "Conversations",
    private_chat: "Private chat with the bot",
    group: "Group",
    back: "Back to the conversations",
    type_here: "Write a message",
    send: "Send",
    empty: "Nothing here yet. Say hello.",
    empty_group: "Nothing here yet. With the mention switched on, the bot hears you.",
    not_addressed: "not sent to the bot",
    processing: "Thinking",
    inputing: "Writing",
    finished: "Finished",
    executing: "Working",
    failed: "Failed",
    connected: "Live",
    disconnected: "Reconnecting",
    send_failed: "The message could not be sent. Try again.",
    load_failed: "The conversation could not be loaded.",
    stop: "Stop",
    quote: "Quote",
    quote_end: "Quote nothing",
    attach: "Send a picture or a file",
    recalled: "This message was taken back.",
    picture: "Picture",
  },
  zh: {
    title: "钉钉模拟器",
    subtitle: "无需账号即可试用机器人",
    you_are: "你的身份",
    robot: "机器人",
    conversations: "会话",
    private_chat: "与机器人单聊",
    group: "群聊",
    back: "返回会话列表",
    type_here: "输入消息",
    send: "发送",
    empty: "还没有消息，打个招呼吧。",
    empty_group: "还没有消息。打开 @ 开关，机器人才能收到。",
    not_addressed: "未发送给机器人",
    processing: "思考中",
    inputing: "输入中",
    finished: "已完成",
    executing: "执行中",
    failed: "失败",
    connected: "已连接",
    disconnected: "重新连接中",
    send_failed: "消息未能发送，请重试。",
    load_failed: "会话加载失败。",
    stop: "停止",
    quote: "引用",
    quote_end: "取消引用",
    attach: "发送图片或文件",
    recalled: "该消息已撤回。",
    picture: "图片",
  },
};

export const language = navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";

export function word(key) {
  return words[language][key] ?? key;
}

export function applyWords(root) {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = word("title");
  for (const element of root.querySelectorAll("[data-word]")) {
    element.textContent = word(element.dataset.word);
  }
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", word(element.dataset.label));
  }
  for (const element of root.querySelectorAll("[data-placeholder]")) {
    element.placeholder = word(element.dataset.placeholder);
  }
}
