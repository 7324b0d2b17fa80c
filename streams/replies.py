"""What a representative might answer: templates by language, intent and tone."""

from __future__ import annotations

from collections.abc import Mapping

NEUTRAL, PATIENT, WARM = "neutral", "patient", "warm"
DEFAULT_LANGUAGE = "en"

OPENINGS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        NEUTRAL: "您好！",
        PATIENT: "非常抱歉给您带来不便，我完全理解您的心情。",
        WARM: "感谢您的支持，很高兴为您服务！",
    },
    "en": {
        NEUTRAL: "Hello! ",
        PATIENT: "I am sorry for the trouble, and I understand how you feel. ",
        WARM: "Thank you for your kind words! ",
    },
}

REPLIES: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "product_enquiry": "关于您咨询的商品，我马上为您查询规格、价格和库存。",
        "after_sales": "请提供订单号，我马上为您核实订单状态，并说明退换或维修的办法。",
        "complaint": "您反映的问题我已记录并转交负责的主管，我们会尽快给您答复。",
        "suggestion": "感谢您的建议，我已转达给相关团队。",
        "billing": "请告诉我账单或订单的日期和金额，我马上为您核对。",
        "technical": "请告诉我设备型号和出现问题的步骤，我们一起来排查。",
        "account": "为了您的账户安全，我先核实您的身份，再帮您处理账户问题。",
        "other": "请告诉我您需要什么帮助，我会为您转到合适的同事。",
    },
    "en": {
        "product_enquiry": "Let me look up the details, the price and the availability of this product for you.",
        "after_sales": "If you share the order number, I will check its status and what we can do: return, exchange or repair.",
        "complaint": "I have recorded what happened and passed it to the manager in charge; you will hear from us soon.",
        "suggestion": "Thank you for the suggestion; I have passed it on to the team.",
        "billing": "If you tell me the date and the amount of the charge, I will check it right away.",
        "technical": "Please tell me the model and the steps that lead to the problem, and we will work through it together.",
        "account": "To keep your account safe I will first verify who you are, then help with your account.",
        "other": "Please tell me what you need, and I will bring you to the right colleague.",
    },
}

QUESTIONS: Mapping[str, str] = {
    "zh": "请问您的问题是关于商品、订单售后、账单、技术故障，还是账户？",
    "en": "Is your question about a product, an order or return, a bill, a technical problem, or your account?",
}

WORDS: Mapping[str, str] = {
    "zh": "我们收到了您的消息。能用几句话告诉我们您需要什么帮助吗？",
    "en": "We received your message. Could you tell us in a few words what you need?",
}

CHOICES: Mapping[str, str] = {
    "zh": "请问您指的是{names}，还是别的商品？",
    "en": "Do you mean {names}, or another product?",
}
SEPARATORS: Mapping[str, str] = {"zh": "、", "en": ", "}

PRODUCTS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "description": "{name}：{description}。",
        "price": "{name}的价格是{price}。",
        "end": "还想了解什么，请告诉我。",
    },
    "en": {
        "description": "{name}: {description}. ",
        "price": "The price of {name} is {price}. ",
        "end": "Please tell me what else you would like to know.",
    },
}

ORDERS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "product": "您{since}购买的{name}，目前的订单状态是：{status}。",
        "order": "您{since}的订单{name}，目前的状态是：{status}。",
        "end": "如果还需要别的帮助，请告诉我。",
    },
    "en": {
        "product": "Your order of {name}, placed {since}, has the status: {status}. ",
        "order": "Your order {name}, placed {since}, has the status: {status}. ",
        "end": "Please tell me if you need anything else.",
    },
}

SINCE: Mapping[str, Mapping[str, str]] = {
    "zh": {"today": "今天", "one": "1 天前", "more": "{days} 天前"},
    "en": {"today": "today", "one": "1 day ago", "more": "{days} days ago"},
}

STATUSES: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "pending": "待处理",
        "paid": "已付款",
        "processing": "处理中",
        "packed": "已打包",
        "shipped": "已发货",
        "in_transit": "运输中",
        "delivered": "已送达",
    },
    "en": {
        "pending": "pending",
        "paid": "paid",
        "processing": "processing",
        "packed": "packed",
        "shipped": "shipped",
        "in_transit": "in transit",
        "delivered": "delivered",
    },
}
"""of an order, in the customer's words: no other status is ever told"""

AMOUNTS: Mapping[str, str] = {"zh": "{amount} {currency}", "en": "{currency} {amount}"}

REASONS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "zh": {
        "information": {"asked": "客户咨询的商品", "bought": "客户咨询的商品"},
        "bought_together": {
            "asked": "购买{product}的顾客也常购买",
            "bought": "客户已购买{product}，购买它的顾客也常购买",
        },
        "accessory": {"asked": "适用于客户咨询的{product}的配件", "bought": "适用于已购买的{product}的配件"},
        "service": {"asked": "适用于客户咨询的{product}的服务", "bought": "适用于已购买的{product}的服务"},
        "category": {"asked": "与客户咨询的{product}同属一类", "bought": "与已购买的{product}同属一类"},
    },
    "en": {
        "information": {"asked": "the customer asks about it", "bought": "the customer asks about it"},
        "bought_together": {
            "asked": "often bought together with {product}, which the customer asks about",
            "bought": "often bought together with {product}, which the customer bought",
        },
        "accessory": {
            "asked": "an accessory for {product}, which the customer asks about",
            "bought": "an accessory for {product}, which the customer bought",
        },
        "service": {
            "asked": "a service for {product}, which the customer asks about",
            "bought": "a service for {product}, which the customer bought",
        },
        "category": {
            "asked": "in the same category as {product}, which the customer asks about",
            "bought": "in the same category as {product}, which the customer bought",
        },
    },
}
"""why a product is offered, by kind, and by whether the product that it goes with was asked about or bought"""


def language_of(tag: str) -> str:
    """The language to answer in: the customer's where there are templates for it, else English."""
    base = tag.lower().replace("_", "-").partition("-")[0]
    return base if base in REPLIES else DEFAULT_LANGUAGE
