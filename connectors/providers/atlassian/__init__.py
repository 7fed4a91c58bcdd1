"""Code that the Opsgenie and JSM Operations providers share.

JSM Operations is the successor of Opsgenie. Both APIs have the same rules for rotations, escalations and routing. This
package holds what has the same meaning in both; endpoints and spelling are in the package of each provider.
"""
