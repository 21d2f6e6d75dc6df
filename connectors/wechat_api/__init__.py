"""What official accounts (`connectors/wechat`) and WeChat customer service (`connectors/wechat_kf`) have in common:
callbacks, access tokens, error codes, rows of answers.
"""
