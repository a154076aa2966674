/* What should not lie on a public server. `title`, `severity` and `remedy` become the finding. */

rule eicar_test_file : malware {
  meta:
    title = "The EICAR test file"
    severity = "low"
    remedy = "Remove the file; it is harmless, but shows that uploads are not looked at."
  strings:
    $a = "$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
  condition:
    $a
}

rule php_web_shell : malware {
  meta:
    title = "A web shell written in PHP"
    severity = "critical"
    remedy = "Take the server off the network, find out how the file came there, and restore it from a clean copy."
  strings:
    $php = "<?php"
    $run = /(eval|assert|system|passthru|shell_exec|proc_open)\s*\(\s*(base64_decode\s*\(\s*)?\$_(GET|POST|REQUEST|COOKIE)/
  condition:
    $php in (0..1024) and $run
}

rule jsp_web_shell : malware {
  meta:
    title = "A web shell written in JSP"
    severity = "critical"
    remedy = "Take the server off the network, find out how the file came there, and restore it from a clean copy."
  strings:
    $page = "<%"
    $run = /Runtime\.getRuntime\(\)\.exec\(\s*request\.getParameter\(/
  condition:
    $page and $run
}

rule browser_miner : malware {
  meta:
    title = "A script that mines currency in the visitor's browser"
    severity = "high"
    remedy = "Remove the script and find out who put it there."
  strings:
    $a = /(coinhive|cryptoloot|coin-?imp|webminepool|deepminer)(\.min)?\.js/ nocase
    $b = "CoinHive.Anonymous("
    $c = "stratum+tcp://"
  condition:
    any of them
}

rule card_skimmer : malware {
  meta:
    title = "A script that reads payment cards out of forms"
    severity = "critical"
    remedy = "Remove the script, and treat the cards entered since as stolen."
  strings:
    $card = /(cc_?number|card_?number|cvv|cvc)/ nocase
    $listen = /addEventListener\(\s*['"](submit|blur|change)['"]/
    $encode = "btoa("
    $send = /new Image\(\)|navigator\.sendBeacon\(/
  condition:
    filesize < 2MB and $card and $listen and $encode and $send
}

rule pdf_runs_script_when_opened : suspicious {
  meta:
    title = "A PDF that runs a script when it is opened"
    severity = "medium"
    remedy = "Publish documents without scripts."
  strings:
    $pdf = "%PDF-"
    $open = "/OpenAction"
    $script = /\/(JavaScript|JS)[\s(<\/]/
    $launch = "/Launch"
  condition:
    $pdf in (0..1024) and (($open and $script) or $launch)
}

rule office_document_with_macros : suspicious {
  meta:
    title = "An Office document with macros"
    severity = "low"
    remedy = "Publish documents without macros."
  strings:
    $zip = { 50 4B 03 04 }
    $macro = "vbaProject.bin"
  condition:
    $zip at 0 and $macro
}

rule private_key_in_a_file : secret {
  meta:
    title = "A private key in a file"
    severity = "high"
    remedy = "Remove the file, and replace the key and every certificate made with it."
  strings:
    $a = /-----BEGIN ((RSA|EC|DSA|OPENSSH|ENCRYPTED) )?PRIVATE KEY-----/
  condition:
    $a
}

rule packed_program : suspicious {
  meta:
    title = "A packed Windows program"
    severity = "low"
    remedy = "Make sure that the program is yours; malware is commonly packed."
  strings:
    $upx = "UPX!"
  condition:
    uint16(0) == 0x5A4D and $upx
}
