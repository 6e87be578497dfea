"use strict";
// The shop's words and its sample customers, in both languages.
window.shopWords = {
  zh: {
    skip: "跳到商品", notice: "这是 Bida 必达的演示商店：商品不出售，右下角的聊天是真的。", brand: "青禾商城", nav: "导航", goods: "商品", samples: "示例顾客",
    language: "English", hero: "田里种的，今天寄出", heroText: "大米、蜂蜜、茶叶和手作陶碗。有什么想问的，点右下角，客服会在工作台看到。", goodsTitle: "本周新到",
    samplesTitle: "让示例顾客来信", samplesText: "每点一次，就有一位顾客从这个页面、通过真正的访客接口写来消息。在工作台上线后就能看到并回复，回复会出现在下面。",
    write: "来一位顾客", writing: "正在写…", nobodyYet: "还没有示例顾客写来消息。", footer: "青禾商城 · 演示", agentSays: "客服",
    states: { none: "已送出", waiting: "在等客服", served: "客服已接待", resolved: "会话已结束" },
    limited: "来得太快了，服务器请顾客稍等；{seconds} 秒后再试。", unreachable: "服务器没有响应，消息没有送出。请看看 bida 是否还在运行。", refused: "消息没有被接收：",
  },
  en: {
    skip: "Skip to the goods", notice: "This is the demo shop of Bida 必达: nothing is for sale, but the chat at the lower right is real.", brand: "Qinghe Mall", nav: "Navigation",
    goods: "Goods", samples: "Sample customers", language: "中文", hero: "Grown in the field, sent today",
    heroText: "Rice, honey, tea and hand-made bowls. Ask whatever you like at the lower right: an agent sees it in the workspace.", goodsTitle: "New this week",
    samplesTitle: "Have sample customers write", samplesText: "Each click brings a customer who writes from this page through the real visitors' API. Go available in the workspace to see and answer them; the answers appear below.",
    write: "A customer, please", writing: "Writing…", nobodyYet: "No sample customer has written yet.", footer: "Qinghe Mall · demo", agentSays: "Agent",
    states: { none: "sent", waiting: "waiting for an agent", served: "an agent is with the customer", resolved: "conversation ended" },
    limited: "That was too quick: the server asks the customers to wait. Try again in {seconds} s.", unreachable: "The server does not answer; the message was not sent. Is bida still running?", refused: "The message was not taken: ",
  },
};
window.shopGoods = [
  { zh: ["新米", "五公斤，十月收割", "¥ 68"], en: ["New rice", "5 kg, harvested in October", "¥ 68"], picture: "M60 116c-6-30 8-58 40-66 32 8 46 36 40 66z M100 50V30 M88 62l-14-10 M112 62l14-10" },
  { zh: ["山花蜜", "500 克，结晶是正常的", "¥ 45"], en: ["Mountain honey", "500 g, it may crystallise", "¥ 45"], picture: "M68 52h64v14c10 6 12 44-4 52H72c-16-8-14-46-4-52z M72 38h56v14H72z" },
  { zh: ["明前茶", "一百克，清明前采", "¥ 128"], en: ["Early tea", "100 g, picked before Qingming", "¥ 128"], picture: "M62 66h64c0 34-14 50-32 50S62 100 62 66z M126 74c18 0 18 26-6 26 M84 54c-6-8 6-12 0-20 M104 54c-6-8 6-12 0-20" },
  { zh: ["陶碗", "手作，每只略有不同", "¥ 39"], en: ["Bowl", "hand-made, each a little different", "¥ 39"], picture: "M48 62h104c-4 34-22 50-36 54H84c-14-4-32-20-36-54z M58 62c10-14 74-14 84 0" },
];
window.shopCustomers = [
  { zh: ["陈晨", "你好，新米现在下单，明天能到上海吗？"], en: ["Chen Chen", "Hello, if I order rice now, will it be in Shanghai tomorrow?"] },
  { zh: ["周小舟", "蜂蜜结晶了，还能吃吗？", "是上个月买的那一罐。"], en: ["Zhou Xiaozhou", "My honey has crystallised. Is it still good?", "It is the jar I bought last month."] },
  { zh: ["何必", "陶碗到了，有一只磕了个口子，怎么换？"], en: ["Bea Ho", "My bowls arrived and one is chipped. How do I get another?"] },
  { zh: ["马丁", "Can I pay with a foreign card?"], en: ["Martin", "Can I pay with a foreign card?"] },
  { zh: ["欧阳静怡", "发票可以开公司抬头吗？"], en: ["Ouyang Jingyi", "Can the invoice be made out to my company?"] },
  { zh: ["苏苏", "我想改收货地址，订单尾号 3390", "刚刚下的单，应该还没发货吧？"], en: ["Susu", "I would like to change the address of order …3390.", "I have only just ordered, so it has not been sent yet?"] },
  { zh: ["محمود", "هل يمكنكم الشحن إلى دبي؟"], en: ["محمود", "هل يمكنكم الشحن إلى دبي؟"] },
  { zh: ["唐果", "明前茶还有货吗？页面上显示售罄。🍵"], en: ["Candy Tang", "Is the early tea still to be had? The page says sold out. 🍵"] },
];
