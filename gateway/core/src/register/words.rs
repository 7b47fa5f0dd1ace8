//! Words a register holds: state, conclusion of an inspection, kind of place.

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$line:meta])* $variant:ident $key:literal $zh:literal $en:literal [$($other:literal)*];)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$line])* $variant),* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Stable key.
            #[must_use]
            pub const fn key(self) -> &'static str {
                match self { $(Self::$variant => $key),* }
            }

            /// In Chinese.
            #[must_use]
            pub const fn title_zh(self) -> &'static str {
                match self { $(Self::$variant => $zh),* }
            }

            /// In English.
            #[must_use]
            pub const fn title_en(self) -> &'static str {
                match self { $(Self::$variant => $en),* }
            }

            /// By its key.
            #[must_use]
            pub fn from_key(key: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.key() == key)
            }

            /// From what people write for it.
            #[must_use]
            pub fn read(text: &str) -> Option<Self> {
                let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_lowercase();
                let squeezed = |word: &str| word.replace(' ', "").to_lowercase() == bare;
                $(if squeezed($key) || squeezed($zh) || squeezed($en) $(|| squeezed($other))* {
                    return Some(Self::$variant);
                })*
                None
            }
        }
    };
}

words! {
    /// 使用状态.
    UseState {
        /// It is used.
        InUse "in_use" "在用" "in use" ["使用" "正常" "正常使用" "运行" "启用" "投用" "using"];
        /// It stands still and may be used again.
        OutOfUse "out_of_use" "停用" "out of use" ["停止使用" "暂停使用" "暂停" "封存" "已停用" "stopped"];
        /// It may never be used again.
        Scrapped "scrapped" "报废" "scrapped" ["已报废"];
        /// It is no longer registered.
        Cancelled "cancelled" "注销" "cancelled" ["已注销" "拆除" "已拆除" "canceled"];
    }
}

words! {
    /// 检验结论.
    Conclusion {
        /// As it should be.
        Passed "passed" "合格" "passed" ["符合要求" "允许使用" "检验合格" "复检合格" "通过" "pass" "qualified"];
        /// With conditions.
        Conditional "conditional" "基本符合要求" "passed with conditions" ["基本合格" "整改后合格" "监控使用" "限制使用"];
        /// Must not be used.
        Failed "failed" "不合格" "failed" ["不符合要求" "不允许使用" "检验不合格" "复检不合格" "判废" "fail"];
    }
}

words! {
    /// 场所性质; public-gathering places make a hazard one step more serious.
    PlaceType {
        /// 住宅.
        Residential "residential" "住宅" "residential" ["居民楼" "小区" "住宅小区"];
        /// 学校.
        School "school" "学校" "school" ["中学" "小学" "大学"];
        /// 幼儿园.
        Kindergarten "kindergarten" "幼儿园" "kindergarten" [];
        /// 医院.
        Hospital "hospital" "医院" "hospital" ["医疗机构" "卫生院"];
        /// 车站.
        Station "station" "车站" "station" ["客运站" "地铁站" "机场" "码头" "火车站"];
        /// 商场.
        Mall "mall" "商场" "shopping mall" ["商业综合体" "商业" "超市" "市场"];
        /// 宾馆.
        Hotel "hotel" "宾馆" "hotel" ["酒店" "饭店" "旅馆"];
        /// 图书馆.
        Library "library" "图书馆" "library" [];
        /// 养老院.
        NursingHome "nursing_home" "养老院" "nursing home" ["敬老院" "养老机构" "福利院"];
        /// 体育场馆.
        Stadium "stadium" "体育场馆" "stadium" ["体育馆" "体育场"];
        /// 展览馆.
        Exhibition "exhibition" "展览馆" "exhibition hall" ["博物馆" "会展中心"];
        /// 公园.
        Park "park" "公园" "park" ["景区" "游乐园" "旅游景区"];
        /// 办公.
        Office "office" "办公" "office" ["写字楼" "办公楼" "机关"];
        /// 工业.
        Industrial "industrial" "工业" "industrial" ["工厂" "厂区" "车间" "企业" "锅炉房"];
        /// 其他.
        Other "other" "其他" "other" ["其它"];
    }
}

impl PlaceType {
    /// Whether the public gathers there.
    #[must_use]
    pub const fn is_public(self) -> bool {
        !matches!(
            self,
            Self::Residential | Self::Office | Self::Industrial | Self::Other
        )
    }
}

impl UseState {
    /// Whether it may run.
    #[must_use]
    pub const fn may_run(self) -> bool {
        matches!(self, Self::InUse)
    }
}

#[cfg(test)]
mod tests {
    use super::{Conclusion, PlaceType, UseState};

    #[test]
    fn words_are_read_in_both_languages_and_by_key() {
        for state in UseState::ALL {
            for text in [state.key(), state.title_zh(), state.title_en()] {
                assert_eq!(UseState::read(text), Some(*state), "{text}");
            }
        }
        assert_eq!(UseState::read(" 已 报废"), Some(UseState::Scrapped));
        assert_eq!(UseState::read("坏了"), None);
        assert_eq!(Conclusion::read("不合格"), Some(Conclusion::Failed));
        assert_eq!(Conclusion::read("合格"), Some(Conclusion::Passed));
        assert!(PlaceType::read("商业综合体").is_some_and(PlaceType::is_public));
        assert!(!PlaceType::Residential.is_public());
    }
}
