using System;
using System.IO;
using System.Threading;
using Ringcast.Realtime;
using Ringcast.Realtime.Types;

/// <summary>Storm.exe PORT TOKEN...: clients of one session say numbered messages to everybody until standard input ends, and tell what they hear in the lines of
/// tests/e2e/storms.py. Somebody else tears their connections.</summary>
internal sealed class Storm
{
	private const int Say = 9, Everyone = -1, Window = 32, PayloadBytesMax = 120;
	private const int SettleMs = 60000; /* only to end a storm that has failed */

	private static readonly StreamWriter output = new StreamWriter(Console.OpenStandardOutput());
	private static readonly Random draw = new Random(7);
	private static volatile bool isEnough;
	private static Storm[] all;

	private readonly Client client = new Client(new ClientConfiguration {MayResume = true, IsFastOff = true});
	private readonly int index;
	private readonly int[] heard;
	private int said;
	private bool isIn;

	private Storm(int index, int count)
	{
		this.index = index;
		heard = new int[count];
		client.ConnectionReady += (sender, e) => {
			isIn = true;
			Tell("in", index);
		};
		client.Dropped += (sender, e) => Tell("dropped", index);
		client.Resumed += (sender, e) => Tell("resumed", index, e.Lost);
		client.ConnectionClose += (sender, e) => Tell("over", index, client.CloseCode, client.CloseReason);
		client.DataReceived += (sender, e) => {
			if (e.OpCode == Say)
				Hear(NumberAt(e.Data, 0), NumberAt(e.Data, 4));
		};
	}

	private static int Main(string[] arguments)
	{
		int port = int.Parse(arguments[0]);
		all = new Storm[arguments.Length - 1];
		for (int i = 0; i < all.Length; i++)
			all[i] = new Storm(i, all.Length);
		for (int i = 0; i < all.Length; i++)
			all[i].client.Connect("127.0.0.1", port, 0, new ConnectionToken(arguments[i + 1], null));
		new Thread(AwaitEnd) {IsBackground = true}.Start();
		for (int settledMs = 0; settledMs < SettleMs && !(isEnough && IsSettled()); settledMs += isEnough ? 1 : 0) {
			bool isBegun = Array.TrueForAll(all, one => one.isIn);
			foreach (Storm one in all)
				one.Turn(isBegun && !isEnough);
			output.Flush();
			Thread.Sleep(1);
		}
		foreach (Storm one in all) {
			Tell("said", one.index, one.said);
			Tell("resent", one.index, one.client.ResentCount);
		}
		output.Flush();
		return 0;
	}

	private static void AwaitEnd()
	{
		Console.In.ReadToEnd();
		isEnough = true;
	}

	private static void Tell(params object[] words)
	{
		output.WriteLine(string.Join(" ", words));
	}

	private static int NumberAt(byte[] bytes, int offset)
	{
		return bytes[offset] << 24 | bytes[offset + 1] << 16 | bytes[offset + 2] << 8 | bytes[offset + 3];
	}

	private static void Write(byte[] bytes, int offset, int number)
	{
		for (int i = 0; i < 4; i++)
			bytes[offset + i] = (byte)(number >> (24 - 8 * i));
	}

	private void Hear(int sender, int number)
	{
		Tell("heard", index, sender, number);
		heard[sender]++;
	}

	private void Turn(bool maySay)
	{
		if (maySay && said - SlowestOf(index) < Window)
			SayNext();
		client.Poll();
	}

	/* Nobody may be so far ahead of its slowest listener that the server's bound for a player is reached: that would be a gap by design. */
	private static int SlowestOf(int sender)
	{
		int least = int.MaxValue;
		foreach (Storm one in all)
			least = Math.Min(least, one.heard[sender]);
		return least;
	}

	private void SayNext()
	{
		byte[] payload = new byte[8 + draw.Next(PayloadBytesMax - 8)];
		Write(payload, 0, index);
		Write(payload, 4, said);
		SendResult result = client.SendMessage(client.NewMessage(Say).WithTargetGroup(Everyone).WithDeliveryIntent(DeliveryIntent.Reliable).WithPayload(payload));
		said += result == SendResult.SentReliable ? 1 : 0;
	}

	private static bool IsSettled()
	{
		foreach (Storm one in all)
			for (int sender = 0; sender < all.Length; sender++)
				if (one.heard[sender] != all[sender].said)
					return false;
		return true;
	}
}
