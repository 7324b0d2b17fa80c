"""Words that the search for names and addresses goes by. Data only.

Surnames: the most frequent of mainland China, Hong Kong and Taiwan. The other lists are words that stand where a name could,
found by reading messages.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ZH_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金"
    "石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤常温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳"
    "翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂苗谷盛曲翁冉骆蓝路游辛靳欧管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳"
    "穆农司卓古吉缪简车项芦麦褚娄窦戚岑景党费卜冷晏席卫米柏宗瞿桂佟臧闵苟邬边卞姬仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池苑"
    "邝封谈匡鞠惠荆冀郁胥栗燕楚鄢劳谌奚粟冼蔺盘闻厉伊仝区郜海阚花权帅屠豆朴盖练廉禹井祖漆巴丰卿狄晋敬扈"
    "晁芮普阙浦戈伏鹿薄邸雍辜羊阿乌母裘亓修邰赫杭况逯隆茹诺慕嵇湛宾茅於揭尉冶斯檀昝衡尧"
    "萧"
)
"""one character each"""
ZH_COMPOUND = (
    "欧阳", "上官", "司马", "诸葛", "东方", "皇甫", "尉迟", "公孙", "令狐", "慕容", "夏侯", "轩辕", "长孙", "宇文", "司徒", "司空", "端木",
    "南宫", "独孤", "百里", "呼延", "闻人", "澹台", "公冶", "钟离", "申屠", "赫连", "拓跋", "淳于", "单于", "太史", "仲孙", "濮阳", "完颜",
)  # fmt: skip
ZH_NO_GIVEN = frozenset(
    "的了是在有我你您他她它们这那不没吗呢吧啊哦呀么什要想就还很太被把给让从到对说问吃喝买卖退换过着个件号改填错打拨查寄住姓址码"
)
"""characters that no given name here contains, and that end one"""
ZH_SELDOM_GIVEN = frozenset(
    "以都也又订位候里上下去做用请帮谁哪怎多少点些再后只但因所而且或者和跟电手身份证护卡写发送收签"
)
"""characters that end a name, unless the phrase ends behind them"""
ZH_NO_NAME = _words(
    "高兴 高级 高中 高端 高铁 高速 方便 方式 方法 方案 方面 常客 常用 常见 常州 何时 何地 何必 单身 单位 单独 单子 单号 应该 应届 路过 路痴 路上 路由 "
    "金卡 金牌 金额 金融 白金 白色 白天 白领 黄金 黄色 马上 马路 安卓 安装 安全 安排 安徽 安心 和平 和谐 成功 成为 成都 成年 任何 任务 任课 任意 "
    "明天 明白 明明 明年 明显 连续 连接 连锁 关于 关闭 关注 于是 时候 时间 时不 年会 年卡 万分 万一 平时 平台 平安 平常 全部 全新 全职 全款 全家 "
    "全国 全程 全额 全名 文员 文科 文件 文字 江苏 江西 江浙 温州 温度 常年 海南 海外 海鲜 海淘 申请 申诉 左右 左边 强烈 强制 商家 商户 商场 商品 商务 "
    "师傅 国内 国际 国外 国庆 国家 南京 南方 南宁 南昌 南通 东方 向你 许多 许可 习惯 包月 包年 包邮 包裹 包装 包间 车主 车上 车子 车辆 车间 房东 房主 房间 "
    "满意 满减 满了 代理 公司 公开 公寓 公里 公交 党员 项目 米家 华为 华北 华东 华南 水电 水管 花了 花呗 花费 相信 相关 相册 充值 通过 冷静 冷藏 元旦 "
    "干嘛 干洗 修理 修改 都是 都没 都不 曾经 苏州 苏宁 徐州 郑州 兰州 杭州 柳州 梅州 吉林 武汉 夏天 夏季 雷电 管理 管家 封号 经理 经常 信息 信用 信号 "
    "来电 来自 来源 来人 来的 那个 那边 那种 那天 位置 由于 由你 居住 居民 居家 计划 计算 支付 支持 支行 容易 富裕 利息 利率 查询 查看 查到 查一 乐意 "
    "游客 游戏 游泳 初次 初始 相同 相机 普通 普卡 原来 原因 原价 原装 储蓄 储值 班级 班主 官方 官网 简单 简直 易付 印象 银行 银卡 银联 智能 玉米 母亲 母婴 "
    "阴天 展示 展会 幸好 幸亏 衣服 衣柜 权益 权限 强调 牛奶 牛肉 石家 石油 石头 古代 古董 司机 农村 农业 农行 阳台 阳光 解决 解释 解绑 解约 解除 解冻 "
    "屈臣 季度 季节 成人 成员 童装 童鞋 游轮 盛夏 蓝色 蓝牙 蓝光 路线 管道 柴油 房产 房贷 费用 费率 项链 连衣 连不 麦克 麦当 景点 景区 宫保 席位 米饭 桂林 "
    "应付 边框 边上 商店 沙发 荣耀 荣誉 明细 池子 谈好 谈过 惠普 南瓜 楼上 楼下 楼盘 盘点 满员 满额 位于 海关 海报 强行 巴士 国产 平板 平均 索赔 索要 宣传 "
    "相当 云端 云盘 云南 容量 都能 都会 都要 普遍 薄款 公共 公积 元宝 束缚 信任 展开 本人 同上 自己 无误 不详 未知 顾客 顾问 常规 别人 家人 朋友 同事 "
    "老人 老婆 老公 爱人 女儿 儿子 妈妈 爸爸 父亲 快递 客服 客户 会员 用户 学生 人工 在线 谢谢 感谢 张家 王者 李宁 马桶 马达 康师 汤臣 钟表 金属 江南 江北 "
    "陆续 程序 范围 方向 方形 白酒 白菜 石墨 段时 龙头 龙井 史上 毛巾 毛病 毛衣 万能 万元 钱包 钱款 钱都 钱还 严重 严格 武器 莫名 孔径 向您 向前 常温 温馨 "
    "文化 文案 牛仔 安检 安监 齐全 易碎 易损 庄园 章程 关机 关联 左侧 包含 包括 宁波 宁夏 宁愿 尚未 符合 舒服 舒适 纪念 梅花 毕业 毕竟 单价 单据 单元 "
    "成本 成交 成分 曲面 路费 路况 管用 华丽 蒙古 解锁 时效 时长 农历 卓越 吉他 简介 车票 车位 车险 车型 项目 连带 麦片 景观 全套 全棉 应用 应急 边缘 师资 商量 "
    "沙滩 荣幸 明确 查收 查找 查验 查出 麻烦 麻将 迟到 官司 封面 惠民 乐器 南北 班车 原本 原单 皮肤 皮鞋 皮带 楼层 盘子 满足 海运 花园 花样 强度 丰富 支架 国旗 "
    "平方 计费 索取 宣布 相比 初中 云服 容器 来回 都行 普洱 公告 干净 干燥 但是 元素 信箱 展厅 智慧 富余"
)
"""first two characters of what is no name, though it starts like one"""

EN_PARTICLES = _words("van von de der den del della da dos di la le el al bin ibn bint ben ter du st")
EN_BRANDS = _words(
    "coffee clean muscle pepper martens office word excel teams oetker dre bean potato amazon apple google microsoft samsung paypal "
    "visa mastercard netflix uber legend windows android iphone"
)
"""what stands after a title or a cue and is a thing"""
EN_NO_NAME = _words(
    # function words
    "a about after again all already also always am an and another any anyone anything are as asap at away back be because been before "
    "being but by call can can't cannot com could currently did do does doing done don't down during either else even ever every everyone "
    "few first for from get getting give go going good gonna got had has have having he her here hers hey hi him his how i i'd i'll i'm "
    "i've if in into is isn't it it's its just last later less let like ll look looking made make many maybe me might mine more most much "
    "must my need needed needs never new next no nobody none not nothing now of off ok okay on once one only or other our out over own per "
    "please put quite rather re really regarding said same say see she should show since so some someone something soon still such sure "
    "tell than thank thanks that that's the their them then there these they thing things this those though three through till to today "
    "together tomorrow tonight too trying two under until up upon us very via wanna want wanted wants was wasn't we were what what's when "
    "where whether which while who whom whose why will with within without won't would yes yesterday yet you your yours "
    # what people say of themselves, of names and of things
    "able afraid alone angry annoyed anonymous available aware away blank blocked booked bored broken busy certain changed charged "
    "cheap clear close cold complete confused correct curious dead declined deleted desperate different difficult disabled disgusted "
    "disappointed done due easy empty enough error excited expecting expensive extremely facing fake false fed field file final fine "
    "following free frustrated full furious glad great happy hard here's hoping horrible hungry ill important impossible incorrect "
    "inside interested invalid late listed locked lost mad mandatory mentioned misspelled missing misspelt nice normal number old "
    "open outside perfect pleased possible poor private public ready real registered required right sad safe satisfied serious shown "
    "sick single sold sorry spelled spelt stuck stupid surprised temporary terrible tired true typed unable unacceptable unaware "
    "well unclear unhappy unknown unsure updated upset urgent used useless valid wait waiting willing worried worse wrong "
    "account address app appointment bank bill booking business cancel card case cash change chat check city claim code company confirmation "
    "complaint contact country customer customers date day days delivery department desk email emergency employee error feedback fee "
    "file flight friend gift help home hotel hour hours id info information internet invoice issue item items kind line login mail "
    "manager management member message minute minutes mobile moment money month months name names night nonsense office online order "
    "orders package parcel part password payment people person phone plan policy price problem product purchase question reason "
    "receipt reception refund regards representative request reservation room sales service services sign site sms someone staff store "
    "student subscriber support tag tags badge spelling space search server  system team technical ticket time times trip type unit user username version way website week weeks "
    "work year years mr mrs ms miss mx dr prof sir madam ma'am folks guys concern "
    # places and peoples that follow `I am` and `this is`
    "american british chinese indian canadian german french english spanish italian irish scottish welsh australian european asian "
    "london paris mumbai delhi beijing shanghai vip ceo monday tuesday wednesday thursday friday saturday sunday january february "
    "march april may june july august september october november december christmas easter"
)
"""words that are no part of a name after a cue"""
