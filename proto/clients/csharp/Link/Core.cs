using System;
using Ringcast.Realtime.Types;
using Ringcast.Realtime.Wire;

namespace Ringcast.Realtime.Link
{
	internal enum Phase
	{
		/// <summary>The request for a WebSocket is sent.</summary>
		Upgrade,
		/// <summary>The login is sent.</summary>
		Login,
		Open,
		/// <summary>Our close frame is sent.</summary>
		Closing,
		Closed
	}

	/// <summary>
	/// A client's protocol without I/O: bytes and the time, in microseconds, go in, bytes come out by ICoreOutput. Holds two packets of bytes that have come and are no whole frame yet.
	/// </summary>
	internal sealed class Core
	{
		public const long UsPerMs = 1000;
		private const int PingsMissedMax = 3;
		private const int PingBytes = 8;
		/// <summary>A longer pause between two ticks is the game's, which loads a scene or is in the background: it does not count for our timeouts.</summary>
		private const long StallUs = 1000 * UsPerMs;

		private readonly ICoreOutput output;
		private readonly ClientConfiguration configuration;
		private readonly Resume resume; /* null: not asked for */
		private readonly MaskSource masks = new MaskSource();
		private readonly Assembler assembler = new Assembler();
		private readonly byte[] inbox = new byte[2 * Limits.PacketBytes];
		private readonly byte[] outbox = new byte[Limits.FrameHeadBytes + Limits.OverheadBytes + Limits.TokenBytes + Limits.PayloadReliableBytes];
		private int inboxStart, inboxEnd;
		private byte[] datagram; /* the last one, and how far it is read */
		private int datagramAt, datagramEnd, datagramPackets;
		private string key;
		private Packet login;
		private int closeCode, pingsMissed;
		private long phaseDueUs, pingDueUs = FastPath.Never, resendDueUs, lastTickUs, nowUs;

		public readonly ConnectionStats Reliable, Fast;
		public readonly FastPath FastPath;
		public Phase Phase { get; private set; }
		public int PeerId { get; private set; }
		/// <summary>Of the last ping that was answered; -1 before.</summary>
		public long RoundTripUs { get; private set; }

		/// <summary>Messages that were wanted fast and went by the stream.</summary>
		public long FallbackCount { get; set; }

		/// <summary>before: the one of the same player, whose connection broke.</summary>
		public Core(ClientConfiguration configuration, ICoreOutput output, Resume resume = null, Core before = null)
		{
			this.resume = resume;
			Reliable = before != null ? before.Reliable : new ConnectionStats();
			Fast = before != null ? before.Fast : new ConnectionStats();
			PeerId = before != null ? before.PeerId : 0;
			FallbackCount = before != null ? before.FallbackCount : 0;
			this.configuration = configuration;
			this.output = output;
			FastPath = new FastPath(output, configuration.FastKeepaliveMs, Fast);
			RoundTripUs = before != null ? before.RoundTripUs : -1;
		}

		/// <summary>From here on the connect timeout runs; the request is sent when the stream is there.</summary>
		public void Begin(ConnectionToken token, long now)
		{
			login = new Packet {
				TargetPlayer = Constants.PLAYER_ID_SERVER, IsReliable = true, Payload = token.Payload, Command = PacketCommand.Login, MayResume = resume != null, MayMerge = configuration.MayMerge, NoEcho = configuration.NoEcho,
				PlayerSessionId = System.Text.Encoding.UTF8.GetBytes(token.PlayerSessionId)
			};
			SetPhaseDue(configuration.ConnectTimeoutMs, now);
		}

		/// <summary>The same for who comes back.</summary>
		public void BeginAgain(long now)
		{
			login = new Packet {
				TargetPlayer = Constants.PLAYER_ID_SERVER, IsReliable = true, Command = PacketCommand.Login, MayResume = true, MayMerge = configuration.MayMerge, ReconnectToken = resume.Token,
				Received = resume.Received, NoEcho = configuration.NoEcho
			};
			SetPhaseDue((int)Math.Min(configuration.ConnectTimeoutMs, (resume.WindowEndUs - now) / UsPerMs), now);
		}

		public void RequestUpgrade(string host, int port)
		{
			key = masks.TakeKey();
			byte[] request = Upgrade.Request(host, port, key);
			output.SendStream(request, 0, request.Length, true);
		}

		/// <summary>Where bytes of the stream may be put, before they are told by TakeStream. There is always room for some.</summary>
		public ArraySegment<byte> Room()
		{
			if (inboxStart > 0) {
				Buffer.BlockCopy(inbox, inboxStart, inbox, 0, inboxEnd - inboxStart);
				inboxEnd -= inboxStart;
				inboxStart = 0;
			}
			return new ArraySegment<byte>(inbox, inboxEnd, inbox.Length - inboxEnd);
		}

		public void TakeStream(int count, long now)
		{
			inboxEnd += count;
			nowUs = now;
			while (Phase != Phase.Closed && inboxEnd > inboxStart) {
				if (Phase == Phase.Upgrade ? !TakeUpgrade() : !TakeFrame())
					break;
			}
		}

		private bool TakeUpgrade()
		{
			int taken, status;
			UpgradeResult result = Upgrade.TryRead(inbox, inboxStart, inboxEnd - inboxStart, key, out taken, out status);
			if (result == UpgradeResult.NeedMore)
				return false;
			if (result == UpgradeResult.Refused) {
				Finish(CloseCode.Abnormal, "the server refused the WebSocket" + (status != 0 ? ", HTTP status " + status : ""), true);
				return false;
			}
			inboxStart += taken;
			Phase = Phase.Login;
			SendPacket(ref login, true);
			login = default(Packet);
			output.Opened();
			return true;
		}

		private bool TakeFrame()
		{
			Frame frame;
			int taken, badCode;
			FrameResult result = FrameReader.TryRead(inbox, inboxStart, inboxEnd - inboxStart, out frame, out taken, out badCode);
			if (result == FrameResult.NeedMore)
				return false;
			if (result == FrameResult.Broken) {
				Fail(badCode, "the server broke the WebSocket protocol");
				return false;
			}
			inboxStart += taken; /* first: what a callback throws must not bring the frame again */
			if (frame.IsControl)
				TakeControl(ref frame);
			else
				TakeData(ref frame);
			return true;
		}

		private void TakeData(ref Frame frame)
		{
			byte[] bytes = inbox;
			int start = frame.PayloadStart, count = frame.PayloadBytes, badCode;
			bool isMessage;
			if (!assembler.TryTake(ref frame, ref bytes, ref start, ref count, out isMessage, out badCode))
				Fail(badCode, badCode == CloseCode.NotBinary || badCode == CloseCode.BadUtf8 ? "the server sent a text message" : "the server broke the WebSocket protocol");
			else if (isMessage)
				TakePacket(bytes, start, count);
		}

		private void TakeControl(ref Frame frame)
		{
			switch (frame.Opcode) {
			case FrameOpcode.Ping:
				if (Phase != Phase.Closing && !SendControl(FrameOpcode.Pong, inbox, frame.PayloadStart, frame.PayloadBytes, false))
					Reliable.PongsUnsent++;
				break;
			case FrameOpcode.Pong:
				TakePong(ref frame);
				break;
			default:
				TakeClose(ref frame);
				break;
			}
		}

		private void TakePong(ref Frame frame)
		{
			pingsMissed = 0;
			if (frame.PayloadBytes != PingBytes)
				return;
			long sentUs = BitConverter.ToInt64(inbox, frame.PayloadStart);
			if (sentUs <= nowUs && sentUs >= 0)
				RoundTripUs = nowUs - sentUs;
		}

		private void TakeClose(ref Frame frame)
		{
			CloseFrame close;
			int badCode;
			if (!CloseFrame.TryRead(inbox, frame.PayloadStart, frame.PayloadBytes, out close, out badCode)) {
				Fail(badCode, "the server sent a bad close frame");
				return;
			}
			bool isOurs = Phase == Phase.Closing;
			if (!isOurs)
				SendClose(close.Code == CloseCode.None ? CloseCode.Normal : close.Code);
			Finish(close.Code, close.Reason, false);
		}

		private void TakePacket(byte[] bytes, int start, int count)
		{
			Packet packet;
			if (!PacketReader.TryRead(bytes, start, count, out packet)) {
				Fail(CloseCode.Protocol, "the server sent a malformed packet");
				return;
			}
			if (resume != null && resume.IsOffered && Phase == Phase.Open && TakeCounted(ref packet))
				return;
			Place place = Phase == Phase.Login ? Place.StreamLogin : Phase == Phase.Open ? Place.StreamOpen : Place.StreamClosing;
			Obey(Judge(ref packet, place), ref packet, false);
		}

		/// <summary>True: it says what the server has read, and is for nobody else.</summary>
		private bool TakeCounted(ref Packet packet)
		{
			if (packet.OpCode == Constants.PING_RESULT_OP_CODE)
				resume.Forget(packet.Received);
			else if (packet.OpCode != Constants.LOGIN_RESPONSE_OP_CODE && resume.Count(packet.Payload == null ? 0 : packet.Payload.Length))
				Acknowledge();
			return packet.OpCode == Constants.PING_RESULT_OP_CODE;
		}

		/// <summary>Tells the server what is read and not told; what finds no room goes with the next one.</summary>
		private void Acknowledge()
		{
			if (resume == null || !resume.IsUntold)
				return;
			Packet packet = new Packet {
				OpCode = Constants.PING_RESULT_OP_CODE, TargetPlayer = Constants.PLAYER_ID_SERVER, Sender = PeerId, IsReliable = true,
				Command = PacketCommand.PingResult, Received = resume.Received
			};
			if (SendPacket(ref packet, false))
				resume.NoteTold();
		}

		/// <summary>By its op code, and it must bring what that op code promises.</summary>
		private static Verdict Judge(ref Packet packet, Place place)
		{
			Verdict verdict = Gate.Judge(packet.OpCode, place);
			bool isNaked = (verdict == Verdict.LoginResult && packet.Command != PacketCommand.LoginResult) ||
				       (verdict == Verdict.Membership && packet.Command != PacketCommand.GroupMembershipUpdate);
			return isNaked ? Verdict.Drop : verdict;
		}

		private void Obey(Verdict verdict, ref Packet packet, bool isFast)
		{
			ConnectionStats stats = isFast ? Fast : Reliable;
			if (verdict == Verdict.Drop) {
				stats.PacketsDropped++;
			} else if (verdict == Verdict.LoginResult) {
				TakeLoginResult(ref packet);
			} else if (verdict == Verdict.FastAck) {
				FastPath.TakeAck(nowUs);
			} else if (verdict == Verdict.Membership) {
				output.MembershipCame(ref packet);
			} else {
				stats.Received(packet.Payload == null ? 0 : packet.Payload.Length);
				output.MessageCame(ref packet, isFast);
			}
		}

		private void TakeLoginResult(ref Packet packet)
		{
			if (!packet.IsSuccess) {
				output.LoginRefused();
				return;
			}
			if (IsResuming && !(packet.IsResumed && packet.PeerId == PeerId)) {
				Fail(CloseCode.Protocol, "the server did not resume what it was asked to");
				return;
			}
			Phase = Phase.Open;
			phaseDueUs = FastPath.Never;
			PeerId = packet.PeerId;
			if (configuration.PingIntervalMs > 0)
				pingDueUs = nowUs + UsPerMs * configuration.PingIntervalMs;
			int port = packet.FastPort, mergeBytes = configuration.MayMerge ? packet.MergeBytes : 0;
			if (resume != null)
				resume.TakeOffer(ref packet);
			try {
				if (IsResuming)
					TakeAnswer(ref packet);
				else
					output.LoggedIn(PeerId);
			} finally { /* what the game throws costs it nothing */
				if (Phase == Phase.Open && !configuration.IsFastOff)
					FastPath.Begin(PeerId, port, mergeBytes, nowUs);
			}
		}

		private bool IsResuming
		{
			get { return resume != null && resume.IsResuming; }
		}

		/// <summary>The player is who it was: what the server has not read goes out again, before anything new, as fast as the server acts upon it.</summary>
		private void TakeAnswer(ref Packet packet)
		{
			resume.TakeAnswer(ref packet);
			Resend(!resume.IsOffered);
			output.Resumed((uint)packet.Lost);
		}

		private bool IsResending
		{
			get { return resume != null && resume.IsResending; }
		}

		/// <summary>The next portion, or all that is left; as far as the stream takes it.</summary>
		private void Resend(bool isAll)
		{
			for (int count = 0, bytes = 0; resume.IsResending && (isAll || resume.MayResend(count, bytes)); count++) {
				byte[] packet = resume.Unsent;
				if (!SendControl(FrameOpcode.Binary, packet, 0, packet.Length, false))
					break;
				resume.NoteResent();
				bytes += packet.Length;
			}
			resendDueUs = nowUs + UsPerMs * Resume.ResendMs;
		}

		/// <summary>The bytes must stay until this or a TakeDatagramRest has returned: a handler may throw between two packets.</summary>
		public void TakeDatagram(byte[] bytes, int count, long now)
		{
			datagram = bytes;
			datagramAt = 0;
			datagramEnd = count;
			datagramPackets = 0;
			if (count == 0)
				TakeFast(0, 0, now);
			TakeDatagramRest(now);
		}

		/// <summary>Several packets only where both sides have said so, and no more than a server sends: what is left then counts as none.</summary>
		public void TakeDatagramRest(long now)
		{
			while (datagramAt < datagramEnd) {
				int start = datagramAt, count;
				if (datagramPackets == Limits.MergedPackets) {
					datagramAt = datagramEnd;
					Fast.PacketsDropped++;
					return;
				}
				if (!FastPath.IsMerging || !PacketReader.TrySplit(datagram, start, datagramEnd - start, out count))
					count = datagramEnd - start;
				datagramAt += count;
				datagramPackets++;
				TakeFast(start, count, now);
			}
		}

		private void TakeFast(int start, int count, long now)
		{
			Packet packet;
			nowUs = now;
			if (Phase != Phase.Open || FastPath.State == FastState.Off)
				return;
			if (!PacketReader.TryRead(datagram, start, count, out packet) || FastPath.IsStale(packet.SequenceNumber)) {
				Fast.PacketsDropped++;
				return;
			}
			if (FastPath.IsLeap(packet.SequenceNumber, now)) {
				Fast.PacketsLeapt++;
				return;
			}
			Verdict verdict = Judge(ref packet, FastPath.State == FastState.Up ? Place.FastUp : Place.FastHello);
			if (verdict != Verdict.Drop)
				FastPath.NoteSequence(packet.SequenceNumber, now);
			Obey(verdict, ref packet, true);
		}

		public SendResult Send(int opCode, int targetPlayer, int targetGroup, byte[] payload, bool isFastWanted)
		{
			int payloadBytes = payload == null ? 0 : payload.Length;
			if (!CanSend)
				return SendResult.NotConnected;
			if (opCode == Constants.LOGIN_OP_CODE || (targetPlayer == Constants.NO_TARGET_PLAYER && targetGroup == Constants.NO_TARGET_GROUP))
				return SendResult.Invalid;
			if (isFastWanted && Phase != Phase.Open) { /* it may be lost, and it would be old when there is a connection again */
				Fast.MessagesUnsent++;
				return SendResult.SentFast;
			}
			bool isFast = isFastWanted && FastPath.CanSend(payloadBytes);
			FallbackCount += isFastWanted && !isFast ? 1 : 0;
			Packet packet = new Packet {
				OpCode = opCode, TargetPlayer = targetPlayer, TargetGroup = targetGroup, Sender = PeerId, Payload = payload, IsReliable = !isFast,
				SequenceNumber = isFast ? FastPath.TakeNumber() : 0
			};
			bool isSent = isFast ? FastPath.Send(outbox, PacketWriter.Write(ref packet, outbox, 0)) : SendKept(ref packet);
			ConnectionStats stats = isFast ? Fast : Reliable;
			if (isSent)
				stats.Sent(payloadBytes);
			else
				stats.MessagesUnsent++;
			return !isSent ? SendResult.Full : isFast ? SendResult.SentFast : SendResult.SentReliable;
		}

		/// <summary>By the WebSocket always: nothing would tell that a datagram was lost.</summary>
		public SendResult SendGroup(int opCode, PacketCommand command, int group)
		{
			if (!CanSend)
				return SendResult.NotConnected;
			if (group <= 0 && (group != Constants.GROUP_ID_ALL_PLAYERS || command != PacketCommand.RequestGroupMembership))
				return SendResult.Invalid;
			Packet packet = new Packet {
				OpCode = opCode, TargetPlayer = Constants.PLAYER_ID_SERVER, Sender = PeerId, IsReliable = true, Command = command, Group = group
			};
			return SendKept(ref packet) ? SendResult.SentReliable : SendResult.Full;
		}

		private bool CanSend
		{
			get { return Phase == Phase.Open || IsResuming; }
		}

		/// <summary>What may be resumed is kept, and goes later where there is no connection now.</summary>
		private bool SendKept(ref Packet packet)
		{
			int count = PacketWriter.Write(ref packet, outbox, Limits.FrameHeadBytes);
			bool isKept = resume != null && resume.IsOffered;
			if (isKept && !resume.TryKeep(outbox, Limits.FrameHeadBytes, count))
				return false;
			if (Phase != Phase.Open || IsResending || SendFrame(FrameOpcode.Binary, outbox, count, false)) /* in order: behind what goes out again */
				return true;
			if (isKept)
				resume.Unkeep();
			return false;
		}

		private bool SendPacket(ref Packet packet, bool isControl)
		{
			int count = PacketWriter.Write(ref packet, outbox, Limits.FrameHeadBytes);
			return SendFrame(FrameOpcode.Binary, outbox, count, isControl);
		}

		private bool SendFrame(FrameOpcode opcode, byte[] bytes, int payloadBytes, bool isControl)
		{
			int start = FrameWriter.Write(opcode, bytes, payloadBytes, masks);
			return output.SendStream(bytes, start, Limits.FrameHeadBytes + payloadBytes - start, isControl);
		}

		private bool SendControl(FrameOpcode opcode, byte[] payload, int start, int count, bool isControl)
		{
			Buffer.BlockCopy(payload, start, outbox, Limits.FrameHeadBytes, count);
			return SendFrame(opcode, outbox, count, isControl);
		}

		private void SendClose(int code)
		{
			byte[] payload = {(byte)(code >> 8), (byte)code};
			SendControl(FrameOpcode.Close, payload, 0, payload.Length, true);
		}

		public void Close(int code, long now)
		{
			nowUs = now;
			if (IsResuming)
				GiveUp(code, "closed while the connection was broken", false);
			if (Phase >= Phase.Closing)
				return;
			if (Phase == Phase.Upgrade) {
				Finish(CloseCode.Abnormal, "closed before the connection was up", false);
				return;
			}
			if (IsResending)
				Resend(true);
			FastPath.Flush();
			Phase = Phase.Closing;
			closeCode = code;
			SetPhaseDue(configuration.CloseTimeoutMs, now);
			pingDueUs = FastPath.Never;
			FastPath.End();
			SendClose(code);
		}

		/// <summary>Of who is to come back and does not.</summary>
		public void GiveUp(int code, string reason, bool isError)
		{
			resume.GiveUp();
			Phase = Phase.Closed;
			output.Closed(code, reason, isError);
		}

		/// <summary>The connection ended, or never came to be.</summary>
		public void EndStream(string reason, long now)
		{
			nowUs = now;
			if (Phase == Phase.Closing)
				Finish(closeCode, "closed; the server did not answer the close frame", false);
			else
				Finish(CloseCode.Abnormal, reason, true);
		}

		private void Fail(int code, string reason)
		{
			if (Phase != Phase.Closing)
				SendClose(code);
			Finish(code, reason, Phase != Phase.Closing);
		}

		private void Finish(int code, string reason, bool isError)
		{
			if (Phase == Phase.Closed)
				return;
			bool isDrop = resume != null && resume.TakeDrop(code, Phase == Phase.Open, nowUs);
			Phase = Phase.Closed;
			FastPath.End();
			if (isDrop)
				output.Dropped(reason);
			else
				output.Closed(code, reason, isError);
		}

		public void Tick(long now)
		{
			nowUs = now;
			if (Phase == Phase.Closed)
				return;
			ForgiveStall(now);
			if (now >= phaseDueUs) {
				TickPhase();
				return;
			}
			if (Phase != Phase.Open)
				return;
			if (IsResending && now >= resendDueUs)
				Resend(false);
			FastPath.Tick(now);
			if (Phase == Phase.Open && now >= pingDueUs)
				TickPing();
		}

		private void SetPhaseDue(int timeoutMs, long now)
		{
			phaseDueUs = now + UsPerMs * timeoutMs;
			lastTickUs = now;
		}

		private void ForgiveStall(long now)
		{
			long stopped = now - lastTickUs - StallUs;
			if (stopped > 0 && phaseDueUs != FastPath.Never)
				phaseDueUs += stopped;
			lastTickUs = now;
		}

		private void TickPhase()
		{
			if (Phase == Phase.Closing)
				Finish(closeCode, "closed; the server did not answer the close frame", false);
			else
				Finish(CloseCode.Abnormal, Phase == Phase.Login ? "no login result in time" : "no connection in time", true);
		}

		private void TickPing()
		{
			if (pingsMissed >= PingsMissedMax) {
				Finish(CloseCode.Abnormal, "the server does not answer pings", true);
				return;
			}
			pingDueUs = nowUs + UsPerMs * configuration.PingIntervalMs;
			Acknowledge();
			if (SendControl(FrameOpcode.Ping, BitConverter.GetBytes(nowUs), 0, PingBytes, true))
				pingsMissed++; /* until it is answered: nobody can miss what was not sent */
		}
	}
}
