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

REASONS: Mapping[str, Mapping[str, str]] = {
    "zh": {
        "accessory": "适用于已购买的{bought}的配件",
        "service": "适用于已购买的{bought}的服务",
        "category": "与已购买的{bought}同属一类",
    },
    "en": {
        "accessory": "an accessory for {bought}, which the customer bought",
        "service": "a service for {bought}, which the customer bought",
        "category": "in the same category as {bought}, which the customer bought",
    },
}


def language_of(tag: str) -> str:
    """The language to answer in: the customer's where there are templates for it, else English."""
    base = tag.lower().replace("_", "-").partition("-")[0]
    return base if base in REPLIES else DEFAULT_LANGUAGE
