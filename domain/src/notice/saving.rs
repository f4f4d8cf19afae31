//! What is said of saving calls, and of a quota that runs short.

use super::Remedy;
use crate::settings::Locale;
use crate::usage::Why;

/// Why calls are saved, and what to do about it; nothing where they are not.
#[must_use]
pub const fn saving(why: Why, locale: Locale) -> Option<&'static str> {
    Some(match (why, locale) {
        (Why::Enough | Why::Settings | Why::PushesUsedUp, Locale::En | Locale::ZhCn) => return None,
        (Why::UsedUp, Locale::En) => {
            "The platform says that this month's quota of calls is used up, so answers come as plain text: buy more quota for the company, or wait for the next month."
        }
        (Why::UsedUp, Locale::ZhCn) => {
            "平台提示本月接口调用配额已用完，因此回答以普通文本发送：请为企业购买更多配额，或等待下个月。"
        }
        (Why::NearlyUsedUp, Locale::En) => {
            "95 % of this month's quota of calls is used, so only whole answers are shown: buy more quota, or correct the calls in the company's monthly quota (quota.calls_per_month) in the channel's settings."
        }
        (Why::NearlyUsedUp, Locale::ZhCn) => {
            "本月接口调用配额已使用 95%，因此仅显示完整回答：请购买更多配额，或在渠道设置中更正企业每月接口调用配额（quota.calls_per_month）。"
        }
        (Why::MostlyUsed, Locale::En) => {
            "80 % of this month's quota of calls is used, so cards are updated seldom: buy more quota, or correct the calls in the company's monthly quota (quota.calls_per_month) in the channel's settings."
        }
        (Why::MostlyUsed, Locale::ZhCn) => {
            "本月接口调用配额已使用 80%，因此减少卡片更新：请购买更多配额，或在渠道设置中更正企业每月接口调用配额（quota.calls_per_month）。"
        }
        (Why::Forecast, Locale::En) => {
            "At this rate this month's quota of calls does not last, so cards are updated seldom: buy more quota, or correct the calls in the company's monthly quota (quota.calls_per_month) in the channel's settings."
        }
        (Why::Forecast, Locale::ZhCn) => {
            "按目前的速度本月接口调用配额将不够用，因此减少卡片更新：请购买更多配额，或在渠道设置中更正企业每月接口调用配额（quota.calls_per_month）。"
        }
    })
}

/// What is short of a quota, whatever is done about it here; nothing where it lasts.
#[must_use]
pub const fn shortage(strain: Why, locale: Locale) -> Option<Remedy> {
    let message = match (strain, locale) {
        (Why::Enough | Why::Settings, Locale::En | Locale::ZhCn) => return None,
        (Why::Forecast, Locale::En) => "At this rate this month's quota of calls does not last.",
        (Why::Forecast, Locale::ZhCn) => "按目前的速度，本月接口调用配额将不够用。",
        (Why::MostlyUsed, Locale::En) => "80 % of this month's quota of calls is used.",
        (Why::MostlyUsed, Locale::ZhCn) => "本月接口调用配额已使用 80%。",
        (Why::NearlyUsedUp, Locale::En) => "95 % of this month's quota of calls is used.",
        (Why::NearlyUsedUp, Locale::ZhCn) => "本月接口调用配额已使用 95%。",
        (Why::UsedUp, Locale::En) => "The platform says that this month's quota of calls is used up.",
        (Why::UsedUp, Locale::ZhCn) => "平台提示本月接口调用配额已用完。",
        (Why::PushesUsedUp, Locale::En) => {
            "This month's quota of pushes is used up: the platform leaves out what people write, and nobody is answered."
        }
        (Why::PushesUsedUp, Locale::ZhCn) => "本月消息推送额度已用完：平台不再推送消息内容，无法回答任何人。",
    };
    let remedy = match (strain, locale) {
        (Why::UsedUp | Why::PushesUsedUp, Locale::En) => {
            "Buy more quota for the company, or wait for the next month."
        }
        (Why::UsedUp | Why::PushesUsedUp, Locale::ZhCn) => "请为企业购买更多配额，或等待下个月。",
        (Why::Enough | Why::Settings | Why::Forecast | Why::MostlyUsed | Why::NearlyUsedUp, Locale::En) => {
            "Buy more quota, or correct the calls in the company's monthly quota (quota.calls_per_month) in the channel's settings."
        }
        (Why::Enough | Why::Settings | Why::Forecast | Why::MostlyUsed | Why::NearlyUsedUp, Locale::ZhCn) => {
            "请购买更多配额，或在渠道设置中更正企业每月接口调用配额（quota.calls_per_month）。"
        }
    };
    Some(Remedy { message, remedy })
}
